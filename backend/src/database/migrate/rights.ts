import type { Client } from 'pg'
import { ACCOUNTS_ROLE } from '../accounts/account-query.ts'
import type { Connector } from '../connector.ts'
import type { ConnectionConfig } from '../database-client.ts'
import { identifier, inTransaction, withDirectClient } from '../direct.ts'
import { TASK_ROLE } from '../session.ts'

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
  /** Whether the login may take the role of the owner of the schemas. */
  readonly actsAsOwner: boolean
  readonly usesSchema: boolean
  readonly readsHistory: boolean
  readonly roles: readonly Role[]
}

/** Takes the names of the roles. PostgreSQL before 16 has no options of memberships. */
const RIGHTS = `
  with version as (
    select current_setting('server_version_num')::int >= 160000 as has_options
  ), history as (
    select c.oid, relowner, relnamespace from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname = 'todo' and relname = 'migrations'
  )
  select current_user as login, current_database() as database, has_options as "hasOptions",
    rolsuper as "isSuperuser", rolcreaterole as "createsRoles",
    has_database_privilege(current_database(), 'create') as "createsSchemas",
    history.oid is not null as "hasHistory",
    coalesce(pg_has_role(relowner, case when has_options then 'SET' else 'MEMBER' end), false) as "actsAsOwner",
    coalesce(has_schema_privilege(relnamespace, 'usage'), false) as "usesSchema",
    coalesce(has_table_privilege(history.oid, 'select'), false) as "readsHistory",
    (
      select json_agg(json_build_object(
        'name', name, 'exists', role.oid is not null,
        'mayTake', coalesce(pg_has_role(role.oid, case when has_options then 'SET' else 'MEMBER' end), false),
        'mayGrant', coalesce(pg_has_role(role.oid, 'MEMBER WITH ADMIN OPTION'), false)
          or login.rolcreaterole and not has_options
      ) order by place)
      from unnest($1::text[]) with ordinality needed (name, place) left join pg_roles role on rolname = name
    ) as roles
  from pg_roles login cross join version left join history on true where rolname = current_user`

async function readRights(client: Client, roles: readonly string[]): Promise<Rights> {
  const { rows } = await client.query<Rights>(RIGHTS, [roles])
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
  const read = (config: ConnectionConfig) =>
    withDirectClient(config, (client) => inTransaction(client, () => readRights(client, both)))
  const [migrates, serves] = await Promise.all([read(connector.direct), read(connector.pooled)])
  const missing = [...new Set([...toMigrate(migrates), ...toServe(serves, migrates, served)])]
  if (missing.length === 0) return
  const logins = [...new Set([migrates.login, serves.login])].map(identifier).join(' and ')
  throw new RightsError(
    `The database refuses to serve ${logins}, which lacks privileges. Run as a superuser in the database ${identifier(migrates.database)}: ${missing.join('; ')}`,
  )
}

function toMigrate(rights: Rights): string[] {
  const { isSuperuser, hasHistory, actsAsOwner, createsSchemas, usesSchema, readsHistory } = rights
  if (isSuperuser || actsAsOwner) return []
  const login = identifier(rights.login)
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

function membership(roles: readonly Role[], { login, hasOptions }: Rights): string[] {
  const options = hasOptions ? ' with inherit false, set true' : ''
  const names = roles.map(({ name }) => name).join(', ')
  return names === '' ? [] : [`grant ${names} to ${identifier(login)}${options}`]
}
