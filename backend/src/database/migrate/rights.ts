import type { Client } from 'pg'
import { ACCOUNTS_ROLE } from '../accounts/account-query.ts'
import type { Connector } from '../connector.ts'
import type { ConnectionConfig } from '../database-client.ts'
import { identifier, inTransaction, withDirectClient } from '../direct.ts'
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../errors.ts'
import { TASK_ROLE } from '../session.ts'
import { readHistory } from './history.ts'
import { readMigrations } from './migrate.ts'

/** A login lacks privileges. The message has every statement that grants them. */
export class RightsError extends Error {
  override name = 'RightsError'
}

/** A role that statements of users or of accounts run as, from the view of a login. */
interface Role {
  readonly name: string
  readonly exists: boolean
  /** Whether the login may run statements as the role. */
  readonly mayTake: boolean
  /** Whether the login may grant the role, also to itself. */
  readonly mayGrant: boolean
}

interface Rights {
  readonly login: string
  readonly database: string
  /** Whether memberships have options, from PostgreSQL 16 on. */
  readonly hasOptions: boolean
  readonly isSuperuser: boolean
  readonly createsRoles: boolean
  readonly createsSchemas: boolean
  /** Whether the database has been migrated before. */
  readonly hasHistory: boolean
  /** The owner of the schemas, unless it is a superuser; null before the first migration. */
  readonly owner: string | null
  /** Whether the login may take the role of the owner of the schemas. */
  readonly actsAsOwner: boolean
  readonly usesSchema: boolean
  readonly readsHistory: boolean
  readonly roles: readonly Role[]
}

/**
 * Takes the names of the roles, and the login or null for the present one. PostgreSQL before 16 has no options of
 * memberships.
 */
const RIGHTS = `
  with version as (
    select current_setting('server_version_num')::int >= 160000 as has_options
  ), history as (
    select c.oid, relowner, relnamespace, case when not rolsuper then rolname end as owner
    from pg_class c join pg_namespace n on n.oid = relnamespace join pg_roles r on r.oid = relowner
    where nspname = 'todo' and relname = 'migrations'
  )
  select login.rolname as login, current_database() as database, has_options as "hasOptions",
    login.rolsuper as "isSuperuser", login.rolcreaterole as "createsRoles",
    has_database_privilege(login.oid, current_database(), 'create') as "createsSchemas",
    history.oid is not null as "hasHistory", owner,
    coalesce(pg_has_role(login.oid, relowner, case when has_options then 'SET' else 'MEMBER' end), false) as "actsAsOwner",
    coalesce(has_schema_privilege(login.oid, relnamespace, 'usage'), false) as "usesSchema",
    coalesce(has_table_privilege(login.oid, history.oid, 'select'), false) as "readsHistory",
    (
      select json_agg(json_build_object(
        'name', name, 'exists', role.oid is not null,
        'mayTake', coalesce(pg_has_role(login.oid, role.oid, case when has_options then 'SET' else 'MEMBER' end), false),
        'mayGrant', coalesce(pg_has_role(login.oid, role.oid, 'MEMBER WITH ADMIN OPTION'), false)
          or login.rolcreaterole and not has_options
      ) order by place)
      from unnest($1::text[]) with ordinality needed (name, place) left join pg_roles role on rolname = name
    ) as roles
  from pg_roles login cross join version left join history on true
  where login.rolname = coalesce($2, current_user)`

async function readRights(
  client: Client,
  roles: readonly string[],
  login: string | null,
): Promise<Rights> {
  const { rows } = await client.query<Rights>(RIGHTS, [roles, login])
  const [rights] = rows
  if (rights === undefined) throw new Error('The login is not in pg_roles')
  return rights
}

/**
 * Checks that the logins have every privilege that migrations and requests need, before anything is changed.
 * The login that migrates is the one of `DATABASE_URL_UNPOOLED`, the one that serves that of `DATABASE_URL`.
 *
 * @param withAccounts whether the server has accounts.
 * @throws {RightsError} with the statements for everything that is missing, for this version of PostgreSQL.
 */
export async function checkRights(
  connector: Pick<Connector, 'direct' | 'pooled'>,
  withAccounts: boolean,
): Promise<void> {
  // The migrations create both roles, whether the server has accounts or not.
  const both = [TASK_ROLE, ACCOUNTS_ROLE]
  const served = withAccounts ? both : [TASK_ROLE]
  const read = (config: ConnectionConfig, login: string | null = null) =>
    withDirectClient(config, (client) =>
      inTransaction(client, async () => {
        const rights = await readRights(client, both, login)
        const mayRead = login === null && rights.usesSchema && rights.readsHistory
        const mayMigrate = rights.isSuperuser || rights.actsAsOwner
        return { ...rights, isBehind: mayRead && !mayMigrate && (await isBehind(client)) }
      }),
    )
  const readOrRefused = (config: ConnectionConfig) =>
    read(config).catch((error: unknown) => refusedLogin(error, config))
  const { direct, pooled } = connector
  const [first, second] = await Promise.all([readOrRefused(direct), readOrRefused(pooled)])
  const refused = [first, second].filter((one) => one instanceof RefusedLogin)
  const toConnect = refused.map(({ login, database }) => ({
    login,
    statement: connectGrant(database, login),
  }))
  if (refused.length === 2) refuse(refused[0]?.database ?? '', toConnect)
  // The other login reads the rights of one that may not connect.
  const complete = async (one: LoginRights | RefusedLogin, other: ConnectionConfig) =>
    one instanceof RefusedLogin ? read(other, one.login) : one
  const [migrates, serves] = await Promise.all([complete(first, pooled), complete(second, direct)])
  const missing = [
    ...toConnect,
    ...toMigrate(migrates).map((statement) => ({ login: migrates.login, statement })),
    ...toServe(serves, migrates, served).map((statement) => ({ login: serves.login, statement })),
  ]
  refuse(migrates.database, missing, ownerToMigrate(migrates))
}

/** Also whether the database lacks a migration that the login cannot apply; false if it cannot read that. */
type LoginRights = Rights & { readonly isBehind: boolean }

/** A login that may not connect to the database. */
class RefusedLogin {
  readonly login: string
  readonly database: string
  constructor(login: string, database: string) {
    this.login = login
    this.database = database
  }
}

/** @returns the login that may not connect. @throws the error, if it is another one. */
function refusedLogin(error: unknown, { connectionString = '' }: ConnectionConfig): RefusedLogin {
  const { username = '', pathname = '' } = URL.parse(connectionString) ?? {}
  const [login, database] = [username, pathname.slice(1)].map(decodeURIComponent)
  // Before there is a session, only the privilege to connect can be missing.
  if (sqlState(error) !== INSUFFICIENT_PRIVILEGE || !login || !database) throw error
  return new RefusedLogin(login, database)
}

const connectGrant = (database: string, login: string) =>
  `grant connect on database ${identifier(database)} to ${identifier(login)}`

/** A statement that grants a login what it lacks. */
interface Missing {
  readonly login: string
  readonly statement: string
}

/**
 * @param owner the role that can migrate in place of the login. A login that serves need not get its privileges.
 * @throws {RightsError} with all statements, if anything is missing.
 */
function refuse(database: string, missing: readonly Missing[], owner?: string): void {
  if (missing.length === 0) return
  const logins = [...new Set(missing.map(({ login }) => identifier(login)))]
  const statements = [...new Set(missing.map(({ statement }) => statement))].join('; ')
  const otherwise =
    owner === undefined ? 'Run' : `Run npm run migrate as ${identifier(owner)}. Or run`
  throw new RightsError(
    `The database refuses to serve ${logins.join(' and ')}, which ${logins.length > 1 ? 'lack' : 'lacks'} privileges. ${otherwise} as a superuser in the database ${identifier(database)}: ${statements}`,
  )
}

/** Whether the database lacks a migration of this version. */
async function isBehind(client: Client): Promise<boolean> {
  const [history, known] = await Promise.all([readHistory(client), readMigrations()])
  const applied = new Set(history.map(({ name }) => name))
  return known.some(({ name }) => !applied.has(name))
}

/** @returns the owner of the schemas, if the database lacks a migration that only the owner can apply. */
function ownerToMigrate({ isBehind, owner }: LoginRights) {
  return isBehind && owner !== null ? owner : undefined
}

function toMigrate(rights: LoginRights): string[] {
  const { isSuperuser, hasHistory, actsAsOwner, createsSchemas, usesSchema, readsHistory } = rights
  if (isSuperuser || actsAsOwner) return []
  const login = identifier(rights.login)
  const owner = ownerToMigrate(rights)
  if (owner !== undefined) return [`grant ${identifier(owner)} to ${login}${optionsOf(rights)}`]
  if (hasHistory) {
    return [
      ...(usesSchema ? [] : [`grant usage on schema todo to ${login}`]),
      ...(readsHistory ? [] : [`grant select on todo.migrations to ${login}`]),
    ]
  }
  const database = identifier(rights.database)
  return [
    ...(createsSchemas ? [] : [`grant create on database ${database} to ${login}`]),
    ...rolesToCreate(rights).map((name) => `create role ${name} nologin`),
    ...membership(rolesToGrant(rights), rights),
  ]
}

/** The first migrations create the roles and grant them to the login that migrates, if it may do so. */
function rolesToGrant(rights: Rights): readonly Role[] {
  const { isSuperuser, hasHistory, roles } = rights
  if (isSuperuser || hasHistory) return []
  const absent = rolesToCreate(rights)
  return roles.filter(
    ({ name, exists, mayTake, mayGrant }) =>
      absent.includes(name) || (exists && !mayTake && !mayGrant),
  )
}

function rolesToCreate({ isSuperuser, createsRoles, roles }: Rights): string[] {
  return isSuperuser || createsRoles
    ? []
    : roles.filter(({ exists }) => !exists).map(({ name }) => name)
}

/** Roles that the migrations create are granted to the login that migrates, and checked again afterwards. */
function toServe(serves: Rights, migrates: Rights, needed: readonly string[]): string[] {
  if (serves.isSuperuser) return []
  const { hasHistory } = migrates
  const absent = hasHistory ? [] : rolesToCreate(migrates)
  // Before the first migration, the login that migrates gets them as rolesToGrant says.
  if (serves.login === migrates.login && !hasHistory) return []
  const untakable = serves.roles.filter(
    ({ name, exists, mayTake }) =>
      needed.includes(name) && (exists ? !mayTake : absent.includes(name)),
  )
  return membership(untakable, serves)
}

const optionsOf = ({ hasOptions }: Rights) => (hasOptions ? ' with inherit false, set true' : '')

function membership(roles: readonly Role[], rights: Rights): string[] {
  const names = roles.map(({ name }) => name).join(', ')
  return names === '' ? [] : [`grant ${names} to ${identifier(rights.login)}${optionsOf(rights)}`]
}
