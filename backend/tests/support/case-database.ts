import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { sqlState } from '../../src/database/errors.ts'
import { FUNCTIONS, TABLES } from '../database/row-level-security.cases.ts'
import { type Case, EMPTIES_IT, type Outcome, type Role, SCOPES, type Scope } from './cases.ts'
import { asServerAdmin, type Kind, openMigrated, type Rows } from './databases.ts'

/** Whose rows there are, and all that stands in them. */
type Owned = ReadonlyMap<string, string>

export type Outcomes = Record<Scope, Outcome>

/** A migrated database to run cases on, filled, whose tables belong to a login that is no superuser. */
export interface CaseDatabase {
  /** What comes of each case in each scope, in a transaction that is rolled back. */
  run(cases: readonly Case[]): Promise<Map<Case, Outcomes>>
  /** The same over a connection of the owner's own login, on a server. */
  runAsOwner(cases: readonly Case[]): Promise<Map<Case, Outcomes>>
  /** Runs SQL as the superuser. */
  admin(text: string, values?: unknown[]): Promise<Rows>
  close(): Promise<void>
}

/** A user that was set once is '' from then on, so what is unset comes first. */
const ORDER: readonly Scope[] = ['unset', ...SCOPES.filter((scope) => scope !== 'unset')]
const OWNED = Object.entries(TABLES).flatMap(([table, { owner }]) =>
  owner ? { table, owner } : [],
)
const OWNER_COLUMN = new Map<Case, string | undefined>(
  Object.values(TABLES).flatMap(({ owner, cases }) => cases.map((one) => [one, owner] as const)),
)

export async function openCaseDatabase(kind: Kind): Promise<CaseDatabase> {
  // From the migrations as they stand, and from no copy of what they made before.
  const { connector, drop, config } = await openMigrated(kind, 1, 'empty')
  const client = new Client(connector.direct)
  await client.connect()
  const unique = randomUUID().replaceAll('-', '')
  const roles: Readonly<Record<Role, string>> = {
    todo_user: 'todo_user',
    todo_accounts: 'todo_accounts',
    owner: `owner_${unique}`,
    public: `stranger_${unique}`,
  }
  const made = [roles.owner, roles.public]
  const close = async () => {
    await client.end()
    await connector.close()
    await drop()
    if (config.kind !== 'postgres') return
    // Roles are the server's, and outlive the database.
    const server = new URL(config.url)
    server.pathname = '/postgres'
    await asServerAdmin(server.href, `drop role ${made.join()}`)
  }
  const before = await fill(client, roles.owner, roles.public).catch(async (error) => {
    await close()
    throw error
  })

  const act = (role: Role) => `set local role ${roles[role]}`
  const check = async (scope: Scope): Promise<string | undefined> => {
    await client.query('set local role none')
    const after = await ownedRows(client)
    const touched = [...before.keys()].filter(
      (user) => user !== scope && before.get(user) !== after.get(user),
    )
    return touched.length > 0 ? `changes rows of ${touched.join(' and ')}` : undefined
  }

  return {
    run: (cases) => runCases(client, cases, act, check),
    runAsOwner: async (cases) => {
      const login = new Client(loginOf(config.kind === 'postgres' ? config.url : '', roles.owner))
      await login.connect()
      try {
        return await runCases(
          login,
          cases,
          () => '',
          async () => undefined,
        )
      } finally {
        await login.end()
      }
    },
    admin: async (text, values = []) => (await client.query(text, values)).rows,
    close,
  }
}

/** Gives everything to the owner, and the tables what they hold. */
async function fill(client: Client, owner: string, stranger: string): Promise<Owned> {
  for (const role of [owner, stranger]) {
    await client.query(`create role ${role} login password 'x'`)
  }
  // Foreign keys are checked as the owner of the table.
  for (const schema of ['todo', 'todo_auth']) {
    await client.query(`alter schema ${schema} owner to ${owner}`)
  }
  for (const [table, { holds = '' }] of Object.entries(TABLES)) {
    await client.query(`alter table ${table} owner to ${owner}; ${holds}`)
  }
  for (const name of Object.keys(FUNCTIONS)) {
    await client.query(`alter function ${name} owner to ${owner}`)
  }
  // Policies for the login that ran the migrations.
  const { rows } = await client.query(
    `select format('alter policy %I on %I.%I to ${owner}', policyname, schemaname, tablename) as policy
     from pg_policies where current_user = any(roles)`,
  )
  for (const { policy } of rows) await client.query(policy)
  return ownedRows(client)
}

/** @param check tells what is wrong with the rows a statement left, where something is. */
async function runCases(
  client: Client,
  cases: readonly Case[],
  act: (role: Role) => string,
  check: (scope: Scope) => Promise<string | undefined>,
): Promise<Map<Case, Outcomes>> {
  const owned = (one: Case) => OWNER_COLUMN.get(one) !== undefined
  // Deleting an account sets a user on its way; no scope matters to tables without an owner.
  const ordered = [...cases.filter(owned), ...cases.filter((one) => !owned(one))]
  const outcomes = new Map<Case, Outcomes>(
    ordered.map((one) => [one, { alice: '', bob: '', carol: '', empty: '', unset: '' }]),
  )
  for (const scope of ORDER) {
    for (const [one, outcome] of outcomes) {
      await client.query(`begin; ${act(one[0])}; ${owned(one) ? enter(scope) : ''}`)
      outcome[scope] = await outcomeOf(client, one, scope, check)
      await client.query('rollback')
    }
  }
  return outcomes
}

async function outcomeOf(
  client: Client,
  one: Case,
  scope: Scope,
  check: (scope: Scope) => Promise<string | undefined>,
): Promise<Outcome> {
  const owner = OWNER_COLUMN.get(one)
  try {
    const { rows, rowCount } = await client.query(one[1])
    // TRUNCATE has no count.
    if (rowCount === null) return EMPTIES_IT
    const strange = owner === undefined ? undefined : rows.find((row) => row[owner] !== scope)
    if (strange !== undefined) return `sees rows of ${owner && strange[owner]}`
    return (await check(scope)) ?? rowCount
  } catch (error) {
    return sqlState(error) ?? String(error)
  }
}

function enter(scope: Scope): string {
  // Where it is not unset any more, the test is wrong, and ends with a division by zero.
  if (scope === 'unset') {
    return `select 1 / (current_setting('app.user_id', true) is null)::int`
  }
  return `select set_config('app.user_id', '${scope === 'empty' ? '' : scope}', true)`
}

async function ownedRows(client: Client): Promise<Owned> {
  const parts = OWNED.map(
    ({ table, owner }) => `select ${owner} as owner, to_jsonb(t)::text as row from ${table} t`,
  )
  const { rows } = await client.query(
    `select owner, string_agg(row, ' ' order by row) as rows from (${parts.join(' union all ')}) r group by owner`,
  )
  return new Map(rows.map(({ owner, rows }) => [owner, rows]))
}

function loginOf(url: string, name: string): { connectionString: string } {
  const address = new URL(url)
  address.username = name
  address.password = 'x'
  return { connectionString: address.href }
}
