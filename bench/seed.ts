import type { Client } from 'pg'
import { signToken } from '../backend/src/core/token.ts'

const USERS = 500
const TASKS_PER_USER = 20

/** One request: a task, and the token of its owner. */
export interface Target {
  readonly path: string
  readonly token: string
}

export const SEEDED = `${USERS} users with ${TASKS_PER_USER} tasks each`

const INSERT_USERS = `
  insert into todo.users (id) select 'user-' || n from generate_series(1, $1::int) n`
const INSERT_TASKS = `
  insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
  select users.id, gen_random_uuid(), 'Task ' || n || ': buy milk, bread and coffee',
    case when n % 2 = 0 then 'From the shop at the corner, before it closes at eight' end,
    n % 3 = 0, now(), now()
  from todo.users, generate_series(1, $1::int) n`

/**
 * Fills the database of a server that is ready, as its superuser.
 *
 * @returns every task once, in random order.
 */
export async function seed(client: Client, secret: string): Promise<Target[]> {
  await client.query(INSERT_USERS, [USERS])
  await client.query(INSERT_TASKS, [TASKS_PER_USER])
  await client.query('vacuum analyze todo.tasks')
  const { rows } = await client.query<{ user_id: string; id: string }>(
    'select user_id, id from todo.tasks order by random()',
  )
  const tokens = new Map<string, string>()
  for (const { user_id } of rows) {
    if (tokens.has(user_id)) continue
    const config = { secret, jwtIssuer: undefined, jwtAudience: undefined }
    tokens.set(user_id, await signToken(config, user_id))
  }
  return rows.map(({ user_id, id }) => ({
    path: `/api/${user_id}/tasks/${id}`,
    token: tokens.get(user_id) ?? '',
  }))
}
