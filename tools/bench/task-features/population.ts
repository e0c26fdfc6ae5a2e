import type { Client } from 'pg'
import { type Owner, owned } from '../data/seed.ts'

const USERS_OF_A_KIND = 10
const TASKS = 1_000
const RECURRING_TASKS = 300
const OTHER_USERS = 200
const OTHER_TASKS = 50
const BUSIEST = 'busiest'
/** The number of tasks of the user who searches all of them. */
export const BUSIEST_TASKS = 100_000

/** The users of a benchmark of the task features. Each load has users of its own. */
export interface Population {
  /** 1 000 tasks each, which are read. */
  readonly readers: readonly Owner[]
  /** 1 000 tasks each, which are toggled and moved. */
  readonly movers: readonly Owner[]
  /** Open tasks that recur daily. */
  readonly recurring: readonly Owner[]
  /** Users who create tasks. */
  readonly makers: readonly Owner[]
  /** 50 tasks each. */
  readonly others: readonly Owner[]
  /** One user with {@link BUSIEST_TASKS}. */
  readonly busiest: Owner
}

/** A user of each kind, and the number of tasks of each. */
const KINDS: readonly (readonly [prefix: string, users: number, tasks: number])[] = [
  ['reader', USERS_OF_A_KIND, TASKS],
  ['mover', USERS_OF_A_KIND, TASKS],
  ['recurring', USERS_OF_A_KIND, RECURRING_TASKS],
  ['maker', USERS_OF_A_KIND, 1],
  ['other', OTHER_USERS, OTHER_TASKS],
  [BUSIEST, 1, BUSIEST_TASKS],
]

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** A digit of the number `n` in a position. */
const digit = (value: number) => `substr('${DIGITS}', n / ${value} % 62 + 1, 1)`

/** Users whose tasks have positions from `c000` on. */
const INSERT_USERS = `insert into todo.users (id, seq, first_position)
  select $1 || '-' || n, $3::int, 'c000' from generate_series(1, $2::int) n`

/**
 * Tasks with every member of the lists: a third has each word, each tag or is completed, half has a due date, and the
 * orders differ from each other. Rows are inserted in the order of creation, so that users are mixed.
 */
const INSERT_TASKS = `
  insert into todo.tasks (user_id, id, title, folded_title, description, folded_description, completed,
    completed_at, priority, tags, folded_tags, due_date, due_time, position, created_at, updated_at, seq)
  select user_id, uuidv7(age), title, lower(title), description, lower(description), n % 3 = 0,
    case when n % 3 = 0 then now() + age end, n % 4, tags, tags,
    case when n % 2 = 0 then current_date + (n % 60 - 20) end, case when n % 4 = 0 then time '09:30' end,
    'c' || ${digit(62 * 62)} || ${digit(62)} || ${digit(1)},
    now() + age, now() + age + n % 500 * interval '1 minute', n
  from (
    select id as user_id, n, -(random() * interval '300 days' + interval '1 day') as age,
      initcap(left(md5(id || n), 6)) || ' ' || n || ': buy ' || case when n % 3 = 0 then 'milk' else 'oats' end
        || ' and ' || case when n % 50 = 0 then 'saffron' else 'coffee' end as title,
      case when n % 2 = 0 then 'From the shop at the corner, before it closes at eight' end as description,
      case n % 3 when 0 then '{work}' when 1 then '{home,garden}' else '{}' end::text[] as tags
    from todo.users, generate_series(1, $2::int) n where id like $1 || '-%'
  ) drawn order by age`

const MAKE_RECURRING = `update todo.tasks set completed = false, completed_at = null, due_date = current_date,
    recurrence = '{"rule": "FREQ=DAILY", "from": "due"}', seq = seq + $1
  where user_id like 'recurring-%'`

/** Fills a migrated database, as its superuser. */
export async function populate(client: Client): Promise<Population> {
  for (const [prefix, users, tasks] of KINDS) {
    await client.query(INSERT_USERS, [prefix, users, 2 * tasks])
    await client.query(INSERT_TASKS, [prefix, tasks])
  }
  await client.query(MAKE_RECURRING, [RECURRING_TASKS])
  await client.query('vacuum analyze todo.tasks, todo.users')
  await client.query('checkpoint')
  const of = (prefix: string) => owned(client, `${prefix}-%`)
  const [busiest] = await of(BUSIEST)
  if (busiest === undefined) throw new Error('The user with the most tasks is missing')
  return {
    readers: await of('reader'),
    movers: await of('mover'),
    recurring: await of('recurring'),
    makers: await of('maker'),
    others: await of('other'),
    busiest,
  }
}
