import type { Client } from 'pg'
import type { Connector } from '../connector.ts'
import { identifier, inTransaction, withDirectClient } from '../direct.ts'
import { actAsOwner } from '../migrate/owner.ts'
import { type Entry, readDifferences } from './catalogue.ts'
import { removal, repairs, restoration } from './catalogue-remedy.ts'

/** The roles that the migrations create. They belong to the whole PostgreSQL server, so a dump has none. */
const ROLES = ['todo_user', 'todo_accounts']
/** The catalogue names the owner so, because the name differs between databases. */
const OWNER = '<owner of the table>'

/**
 * Restores what a dump of the database does not bring to another PostgreSQL server: the roles, and the
 * privileges and policies that name a role. It only adds what the migrations created, and revokes only what
 * PostgreSQL gives to everybody by default.
 *
 * @returns the statements that it ran; none where nothing is missing.
 */
export async function repair(connector: Pick<Connector, 'direct'>): Promise<string[]> {
  return withDirectClient(connector.direct, async (client) => {
    const roles = await inTransaction(client, () => restoreRoles(client))
    const privileges = await inTransaction(client, () => restorePrivileges(client))
    return [...roles, ...privileges]
  })
}

async function restoreRoles(client: Client): Promise<string[]> {
  const { rows } = await client.query<{
    role: string
    exists: boolean
    member: boolean
    options: string
  }>(
    // PostgreSQL before 16 has no options of memberships.
    `select role, r.oid is not null as exists,
       coalesce(pg_has_role(current_user, r.oid, case when version.has_options then 'SET' else 'MEMBER' end), false) as member,
       case when version.has_options then ' with inherit false, set true' else '' end as options
     from unnest($1::text[]) role left join pg_roles r on r.rolname = role,
       (select current_setting('server_version_num')::int >= 160000 as has_options) version`,
    [ROLES],
  )
  const login = identifier((await client.query('select current_user as name')).rows[0].name)
  const statements = rows.flatMap(({ role, exists, member, options }) => [
    ...(exists
      ? []
      : [
          `create role ${role} nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls`,
        ]),
    ...(exists && member ? [] : [`grant ${role} to ${login}${options}`]),
  ])
  for (const statement of statements) await client.query(statement)
  return statements
}

/**
 * Whether it is the privilege that PostgreSQL gives to everybody with a new function. The migrations revoke it.
 * pg_restore executes all privileges of a function as one query, so a missing role also undoes the revocation.
 */
function isDefaultOfFunction({ kind, name }: Entry): boolean {
  return kind === 'grant' && /^execute on function (todo|todo_auth)\..* to public$/s.test(name)
}

async function restorePrivileges(client: Client): Promise<string[]> {
  if ((await actAsOwner(client)) === undefined) return []
  const statements = (await readDifferences(client)).flatMap(({ expected, found }) => {
    if (expected !== undefined && found === undefined && repairs(expected)) {
      return [restoration(expected).replace(OWNER, 'current_user')]
    }
    return expected === undefined && found !== undefined && isDefaultOfFunction(found)
      ? [removal(found)]
      : []
  })
  for (const statement of statements) await client.query(statement)
  return statements
}
