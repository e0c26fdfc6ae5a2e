import type { Client } from 'pg'
import { beginSnapshot, identifier } from '../direct.ts'
import { actAsKnownOwner } from '../migrate/owner.ts'
import { jsonRows } from './json-rows.ts'
import { readTables } from './tables.ts'

/** A table of accounts, the column that names the user, and the columns that are secrets. */
interface AccountTable {
  readonly name: string
  readonly userColumn: string
  readonly secrets: readonly string[]
}

const ACCOUNT_TABLES: readonly AccountTable[] = [
  { name: 'user', userColumn: 'id', secrets: [] },
  {
    name: 'account',
    userColumn: 'userId',
    secrets: ['password', 'accessToken', 'refreshToken', 'idToken'],
  },
  { name: 'session', userColumn: 'userId', secrets: ['token'] },
]

/** A line of an export: the table, and the row as JSON. */
export type Line = string

/**
 * Reads all that the database has of one user: the account without its secrets, and the user's rows.
 *
 * @param emailOrId an e-mail address of an account, or the id of a user.
 * @param isId whether it is an id, also if it looks like an address.
 * @returns lines of JSON, `{"table":"todo.tasks","row":{…}}`, of one snapshot.
 * @throws {Error} if there is no such user, or one with the address and another one with the id.
 */
export async function* exportUser(
  client: Client,
  emailOrId: string,
  { isId = false } = {},
): AsyncGenerator<Line> {
  await beginSnapshot(client)
  try {
    await actAsKnownOwner(client)
    await client.query(`set local timezone = 'UTC'`)
    const userId = isId ? emailOrId : await findUser(client, emailOrId)
    await client.query(`select set_config('app.user_id', $1, true)`, [userId])
    let found = false
    for (const { name, userColumn, secrets } of ACCOUNT_TABLES) {
      const table = `todo_auth.${identifier(name)}`
      const without = secrets.map((secret) => ` - '${secret}'`).join('')
      for await (const row of read(client, table, userColumn, userId, `to_jsonb(line)${without}`)) {
        found = true
        yield lineOf(`todo_auth.${name}`, row)
      }
    }
    for (const { name, sql, userColumn } of await readTables(client)) {
      if (userColumn === null) continue
      for await (const row of read(client, sql, userColumn, userId, 'row_to_json(line)')) {
        found = true
        yield lineOf(name, row)
      }
    }
    if (!found) throw new Error(`There is no user ${emailOrId}.`)
  } finally {
    await client.query('rollback')
  }
}

/**
 * @returns the id of the account with the address, or the given id.
 * @throws {Error} if both exist: an external issuer may use addresses as ids.
 */
async function findUser(client: Client, emailOrId: string): Promise<string> {
  await client.query(`select set_config('app.user_id', $1, true)`, [emailOrId])
  const { rows } = await client.query<{ id: string; is_ambiguous: boolean }>(
    `select id, exists (select from todo.users where id = $1) as is_ambiguous
     from todo_auth."user" where email = lower($1) and id <> $1`,
    [emailOrId],
  )
  const [account] = rows
  if (account?.is_ambiguous) {
    throw new Error(
      `${emailOrId} is the address of the account ${account.id}, and the id of another user. Give the id of the account, or export the other one with --id.`,
    )
  }
  return account?.id ?? emailOrId
}

/** Row-level security holds here too: `app.user_id` lets only this user's rows pass. */
async function* read(
  client: Client,
  table: string,
  userColumn: string,
  userId: string,
  json: string,
): AsyncGenerator<string> {
  const query = `select (${json})::text as line from ${table} line
    where ${identifier(userColumn)} = ${client.escapeLiteral(userId)}`
  for await (const rows of jsonRows(client, query)) yield* rows
}

function lineOf(table: string, row: string): Line {
  return `{"table":${JSON.stringify(table)},"row":${row}}`
}
