import type { Client } from 'pg'
import type { Truth } from './check.ts'

/** @param client of a login that bypasses policies. @param prefix of the ids of the users to read. */
export async function readTruth(client: Client, prefix: string): Promise<Truth> {
  const tasks = await client.query(
    `select user_id as "userId", title, description, completed, updated_at as at
     from todo.tasks where starts_with(user_id, $1) and deleted_at is null`,
    [`${prefix}.`],
  )
  const users = await client.query('select id from todo.users where starts_with(id, $1)', [
    `${prefix}.`,
  ])
  const keys = await client.query(
    `select user_id as "userId", key from todo.idempotency_keys where starts_with(user_id, $1)`,
    [`${prefix}.`],
  )
  const accounts = await client.query(
    `select email, (select count(*)::int from todo_auth.account where "userId" = u.id) as passwords
     from todo_auth."user" u where starts_with(email, $1)`,
    [`${prefix}.`],
  )
  return {
    tasks: tasks.rows.map(({ at, ...task }) => ({ ...task, updatedAt: at.toISOString() })),
    users: users.rows.map(({ id }) => id),
    accounts: accounts.rows,
    keys: keys.rows,
  }
}
