import type { Client } from 'pg'

const USERS = 1_000
const TASKS_PER_USER = 50
/** The user who has a tenth of all tasks in the large database. */
const BUSIEST_USER = 'busiest'
const BUSIEST_TASKS = 100_000
const LARGE_TASKS = 1_000_000

/** A user and the ids of their tasks. */
export interface Owner {
  readonly userId: string
  readonly taskIds: readonly string[]
}

/** The users of a benchmark: it reads and changes tasks of the readers, and creates tasks of the writers. */
export interface Population {
  readonly readers: readonly Owner[]
  readonly writers: readonly Owner[]
}

export const SMALL = `${count(USERS)} users with ${TASKS_PER_USER} tasks each`
export const LARGE = `${count(LARGE_TASKS)} tasks, ${count(BUSIEST_TASKS)} of them of one user`

const INSERT_USERS = 'insert into todo.users (id) select $1 || n from generate_series(1, $2::int) n'

/**
 * Inserts rows in the order of creation, so that users are mixed as in a database that has grown. Every member has a
 * value in some of them.
 */
const INSERT_TASKS = `
  insert into todo.tasks (user_id, id, title, folded_title, description, folded_description, completed, completed_at,
    priority, tags, folded_tags, due_date, due_time, due_zone, due_at, created_at, updated_at, seq)
  select user_id, uuidv7(age), title, lower(title), description, lower(description), completed,
    case when completed then now() + age end, n % 4, tags, tags, due_date, due_time, due_zone,
    (due_date + due_time) at time zone due_zone, now() + age, now() + age, n
  from (
    select id as user_id, n, -(random() * interval '300 days' + interval '1 day') as age, n % 3 = 0 as completed,
      'Task ' || n || ': buy milk, bread and coffee' as title,
      case when n % 2 = 0 then 'From the shop at the corner, before it closes at eight' end as description,
      case n % 3 when 1 then '{home,errands}' else '{}' end::text[] as tags,
      case when n % 2 = 1 then current_date + n % 30 end as due_date,
      case when n % 4 = 1 then time '09:30' end as due_time,
      case when n % 8 = 1 then 'Europe/Berlin' end as due_zone
    from todo.users, generate_series(1, case when id = $2 then $3::int else $1::int end) n
  ) drawn order by age`

/**
 * Fills the database of a server that is ready, as its superuser: 1 000 users with 50 tasks each.
 *
 * @returns 500 of them as readers, the others as writers.
 */
export async function seedSmall(client: Client): Promise<Population> {
  await client.query(INSERT_USERS, ['user-', USERS])
  await insertTasks(client)
  const owners = await owned(client, 'user-%')
  return { readers: owners.slice(0, USERS / 2), writers: owners.slice(USERS / 2) }
}

/**
 * The same 1 000 users among a million tasks, a tenth of which belong to one user.
 *
 * @returns that user as the one reader.
 */
export async function seedLarge(client: Client): Promise<Population> {
  const others = (LARGE_TASKS - BUSIEST_TASKS) / TASKS_PER_USER - USERS
  await client.query(INSERT_USERS, ['user-', USERS])
  await client.query(INSERT_USERS, ['other-', others])
  await client.query('insert into todo.users (id) values ($1)', [BUSIEST_USER])
  await insertTasks(client)
  return { readers: await owned(client, BUSIEST_USER), writers: await owned(client, 'user-%') }
}

async function insertTasks(client: Client): Promise<void> {
  // Skips the foreign key check, which would take longer than everything else for a million rows.
  await client.query('set session_replication_role = replica')
  await client.query(INSERT_TASKS, [TASKS_PER_USER, BUSIEST_USER, BUSIEST_TASKS])
  await client.query('reset session_replication_role')
  await client.query(
    `update todo.users u set seq = counted.seq
     from (select user_id, max(seq) as seq from todo.tasks group by user_id) counted where id = user_id`,
  )
  await client.query('vacuum analyze todo.tasks, todo.users')
  await client.query('checkpoint')
}

/** @returns the users with an id of this pattern of LIKE, and their tasks. */
export async function owned(client: Client, like: string): Promise<Owner[]> {
  const { rows } = await client.query<{ user_id: string; ids: string[] }>(
    'select user_id, array_agg(id) as ids from todo.tasks where user_id like $1 group by user_id',
    [like],
  )
  return rows.map(({ user_id, ids }) => ({ userId: user_id, taskIds: ids }))
}

/** Deletes the tasks that a load has created, so that the next load finds the same database. */
export async function tidy(client: Client): Promise<void> {
  await client.query(`delete from todo.tasks where created_at > now() - interval '12 hours'`)
  await client.query('vacuum todo.tasks')
}

function count(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ')
}
