import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { ACCOUNTS_ROLE } from '../accounts/account-query.ts'
import type { Connector } from '../connector.ts'
import { inTrial, withDirectClient } from '../direct.ts'
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../errors.ts'
import { proveOwnership } from '../migrate/ownership.ts'
import { OWN_SESSION } from '../scope.ts'
import { TASK_ROLE } from '../session.ts'
import { isMissingGrant, proveCatalogue, readDifferences } from './catalogue.ts'
import { readSubjects, type Subject } from './subjects.ts'
import { proveVerbs } from './trial.ts'
import { WallError } from './wall-error.ts'

/** insufficient_privilege, integrity_constraint_violation, data_exception. */
const REFUSED_ROW = /^42501$|^23|^22/

/**
 * The startup check: tests on the live database that users are isolated. The roles cannot bypass row-level
 * security, every table of users' rows enables and forces it, and only its user can access a trial row,
 * which is rolled back.
 *
 * @param newer the applied migrations of a newer version, which may have added to the catalogue.
 * @throws {WallError} with the first check that failed and its repair.
 */
export async function proveWalls(
  connector: Pick<Connector, 'pooled'>,
  newer: readonly string[] = [],
): Promise<void> {
  await withDirectClient(connector.pooled, (client) =>
    inTrial(client, async () => {
      for (const role of [TASK_ROLE, ACCOUNTS_ROLE]) await proveRole(client, role)
      await proveOwnership(client)
      await proveApart(client)
      await proveTables(client)
      await proveNoTruncate(client)
      const subjects = await readSubjects(client)
      await proveSight(client, subjects, newer)
      await proveCatalogue(client, newer)
      await proveVerbs(client, subjects)
    }),
  )
}

async function proveRole(client: Client, name: string): Promise<void> {
  const { rows } = await client.query(
    `select current_user as login, rolsuper or rolbypassrls or rolcreaterole as powerful,
       exists (select from pg_class where relowner = r.oid) as owner,
       exists (select from pg_auth_members where member = r.oid) as member
     from pg_roles r where rolname = $1`,
    [name],
  )
  const role = rows[0]
  if (role === undefined) {
    throw new WallError(
      `The role ${name} is missing, for example because a dump was restored on another PostgreSQL server. Run: npm run migrate`,
    )
  }
  if (role.powerful || role.owner || role.member) {
    throw new WallError(
      `The role ${name} is superuser, may bypass row-level security or create roles, owns a table or belongs to another role: revoke that`,
    )
  }
}

/** Checks that the role for tasks has no access to the schema of accounts, and the reverse. */
async function proveApart(client: Client): Promise<void> {
  for (const [role, schema] of [
    [TASK_ROLE, 'todo_auth'],
    [ACCOUNTS_ROLE, 'todo'],
  ]) {
    const { rows } = await client.query(
      `select has_schema_privilege($1, $2, 'usage, create') or exists (
         select from pg_class c join pg_namespace n on n.oid = relnamespace
         where nspname = $2 and relkind in ('r', 'p', 'v', 'm', 'f')
           and (has_any_column_privilege($1, c.oid, 'select, insert, update, references')
             or has_table_privilege($1, c.oid, 'delete, truncate, trigger'))
       ) as reaches`,
      [role, schema],
    )
    if (rows[0].reaches) {
      throw new WallError(`The role ${role} has privileges in the schema ${schema}: revoke them`)
    }
  }
}

async function proveTables(client: Client): Promise<void> {
  const { rows } = await client.query(
    `select format('%s.%s', nspname, relname) as name from pg_class c
     join pg_namespace n on n.oid = relnamespace
     where nspname = 'todo' and relkind in ('r', 'p')
       and (has_any_column_privilege($1, c.oid, 'select, insert, update')
         or has_table_privilege($1, c.oid, 'delete, truncate, references, trigger'))
       and not (relrowsecurity and relforcerowsecurity)`,
    [TASK_ROLE],
  )
  if (rows.length > 0) {
    throw new WallError(
      `Row-level security is not enabled and forced on ${rows.map(({ name }) => name).join(', ')}`,
    )
  }
}

/** Policies do not apply to TRUNCATE (PostgreSQL manual, "Row Security Policies"). */
async function proveNoTruncate(client: Client): Promise<void> {
  const { rows } = await client.query(
    `select format('%s.%s', nspname, relname) as name from pg_class c
     join pg_namespace n on n.oid = relnamespace
     where nspname = 'todo' and relkind in ('r', 'p') and has_table_privilege($1, c.oid, 'truncate')`,
    [TASK_ROLE],
  )
  if (rows.length > 0) {
    throw new WallError(
      `The role ${TASK_ROLE} may truncate ${rows.map(({ name }) => name).join(', ')}, which no policy prevents: revoke it`,
    )
  }
}

/**
 * Checks that the login may assume the role for accounts.
 *
 * @throws {WallError} with the grant that is missing.
 */
export async function proveAccountsRole(connector: Pick<Connector, 'pooled'>): Promise<void> {
  await withDirectClient(connector.pooled, (client) =>
    inTrial(client, () =>
      explainRefusal(
        ACCOUNTS_ROLE,
        client.query(`select set_config('role', $1, true)`, [ACCOUNTS_ROLE]),
      ),
    ),
  )
}

/**
 * Checks that a row is visible only to its user, in the scope that precedes the statements of requests. The
 * savepoint removes the rows, because the trial inserts the same ones.
 */
async function proveSight(
  client: Client,
  subjects: readonly Subject[],
  newer: readonly string[],
): Promise<void> {
  const owner = `wall-${randomUUID()}`
  await client.query('savepoint sight')
  await setScope(client, owner)
  for (const { name, inserts, insertion } of subjects) {
    const row = insertion.replaceAll('%1$L', `'${owner}'`).replaceAll('%%', '%')
    if (inserts) await insertOwn(client, name, row, newer)
  }
  const seen = subjects.filter(({ inserts, selects }) => inserts && selects)
  const counts = seen.map(({ name }, at) => `select ${at} as at, count(*)::int from ${name}`)
  const findOther = async (expected: number): Promise<string | undefined> => {
    const { rows } = await client.query(counts.join(' union all '))
    return seen[rows.find(({ count }) => count !== expected)?.at]?.name
  }
  const unseen = await findOther(1)
  if (unseen !== undefined) {
    throw new WallError(`A user does not see exactly their own rows of ${unseen}`)
  }
  for (const scope of ['', `${owner}-other`]) {
    await setScope(client, scope)
    const open = await findOther(0)
    if (open === undefined) continue
    throw new WallError(
      `${scope === '' ? 'A statement without a user' : 'Another user'} sees rows of ${open}: row-level security is not effective on this database`,
    )
  }
  await client.query('rollback to savepoint sight')
}

async function insertOwn(
  client: Client,
  name: string,
  insertion: string,
  newer: readonly string[],
): Promise<void> {
  try {
    await client.query(insertion)
  } catch (error) {
    if (!REFUSED_ROW.test(sqlState(error) ?? '')) throw error
    await client.query('rollback to savepoint sight')
    // A privilege of the role is missing: the catalogue has the statement that grants it.
    if ((await readDifferences(client)).some(isMissingGrant)) await proveCatalogue(client, newer)
    throw new WallError(`A user cannot write a row of their own to ${name}`, { cause: error })
  }
}

function setScope(client: Client, userId: string): Promise<void> {
  return explainRefusal(TASK_ROLE, client.query(OWN_SESSION.patient.text, [userId, '0']))
}

async function explainRefusal(role: string, assumption: Promise<unknown>): Promise<void> {
  try {
    await assumption
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
    throw new WallError(
      `The login of DATABASE_URL cannot assume the role ${role}: run "grant ${role} to <login>" as the login that ran the migrations`,
    )
  }
}
