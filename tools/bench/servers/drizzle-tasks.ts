/**
 * The tasks of the server in drizzle.ts: the same table, and each operation as a query of Drizzle's builder
 * in a transaction with the user's scope.
 */
import { and, desc, eq, getTableColumns, isNull, not, type SQL, sql } from 'drizzle'
import { drizzle } from 'drizzle/node-postgres'
import {
  bigint,
  boolean,
  customType,
  date,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle/pg-core'
import { Pool, type PoolClient } from 'pg'
import { v7 } from 'uuid'

const instant = (name: string) =>
  timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

const PRIORITIES = ['none', 'low', 'medium', 'high'] as const
type Priority = (typeof PRIORITIES)[number]

/** A `smallint` that is a name on the wire. */
const priority = customType<{ data: Priority; driverData: number }>({
  dataType: () => 'smallint',
  fromDriver: (value) => PRIORITIES[value] ?? 'none',
  toDriver: (name) => PRIORITIES.indexOf(name),
})
/** Without seconds. */
const minutes = customType<{ data: string; driverData: string }>({
  dataType: () => 'time',
  fromDriver: (value) => value.slice(0, 5),
})

interface Recurrence {
  readonly rule: string
  readonly from: 'due' | 'completion'
}

const tasks = pgSchema('todo').table(
  'tasks',
  {
    user_id: text().notNull(),
    id: uuid().notNull(),
    title: text().notNull(),
    description: text(),
    completed: boolean().notNull(),
    completed_at: instant('completed_at'),
    priority: priority().notNull(),
    tags: text().array().notNull(),
    due_date: date({ mode: 'string' }),
    due_time: minutes(),
    due_zone: text(),
    due_at: instant('due_at'),
    recurrence: jsonb().$type<Recurrence>(),
    series_id: uuid(),
    parent_id: uuid(),
    position: text().notNull(),
    created_at: instant('created_at').notNull(),
    updated_at: instant('updated_at').notNull(),
    folded_title: text().notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
    deleted_at: instant('deleted_at'),
  },
  (table) => [primaryKey({ columns: [table.user_id, table.id] })],
)
const {
  folded_title: _folded,
  seq: _seq,
  deleted_at: _deleted,
  ...MEMBERS
} = getTableColumns(tasks)

/** A task as clients get it. */
export type Task = Omit<typeof tasks.$inferSelect, 'folded_title' | 'seq' | 'deleted_at'>

/** The members that a client may write. */
interface Writable {
  readonly title: string
  readonly description?: string | null
  readonly completed?: boolean
  readonly priority?: Priority
  readonly tags?: string[]
  readonly due_date?: string | null
  readonly due_time?: string | null
  readonly due_zone?: string | null
  readonly recurrence?: Recurrence | null
  readonly parent_id?: string | null
  readonly position?: string
}

const { placeholder } = sql
const NOW = sql`now()`
/** A trigger of the table requires a greater number with each change. */
const NEXT_SEQ = sql`${tasks.seq} + 1`
const OWNED = and(eq(tasks.user_id, placeholder('userId')), isNull(tasks.deleted_at))
const ONE = and(OWNED, eq(tasks.id, placeholder('id')))
const dueAt = (day: SQL, time: SQL, zone: SQL) => sql`(${day} + ${time}) at time zone ${zone}`
const completedAt = (completed: SQL) => sql`case when ${completed} then now() end`
const NEW_TASK = {
  user_id: placeholder('userId'),
  id: placeholder('id'),
  title: placeholder('title'),
  description: placeholder('description'),
  completed: placeholder('completed'),
  completed_at: completedAt(sql`${placeholder('completed')}::boolean`),
  priority: placeholder('priority'),
  tags: placeholder('tags'),
  due_date: placeholder('due_date'),
  due_time: placeholder('due_time'),
  due_zone: placeholder('due_zone'),
  due_at: dueAt(
    sql`${placeholder('due_date')}::date`,
    sql`${placeholder('due_time')}::time`,
    sql`${placeholder('due_zone')}::text`,
  ),
  // As an expression, because Drizzle writes null as JSON for a column of that type.
  recurrence: sql`${placeholder('recurrence')}::jsonb`,
  parent_id: placeholder('parent_id'),
  position: placeholder('position'),
  created_at: NOW,
  updated_at: NOW,
  folded_title: placeholder('folded_title'),
  seq: 1,
}
const FLIPPED = {
  completed: not(tasks.completed),
  completed_at: completedAt(sql`not ${tasks.completed}`),
  updated_at: NOW,
  seq: NEXT_SEQ,
}
const DELETED = { deleted_at: NOW, seq: NEXT_SEQ }
const SCOPE = {
  role: sql`set_config('role', 'todo_user', true)`,
  user: sql`set_config('app.user_id', ${placeholder('userId')}, true)`,
}

/** The statements of a connection, built and prepared once, because Drizzle binds them to their client. */
function prepareStatements(client: PoolClient) {
  const db = drizzle(client)
  const newest = db.select(MEMBERS).from(tasks).where(OWNED).orderBy(desc(tasks.id))
  return {
    db,
    scope: db.select(SCOPE).from(sql`(values (1)) as one`).prepare('scope'),
    // A null limit means no limit.
    list: newest.limit(placeholder('limit')).prepare('list_tasks'),
    find: db.select(MEMBERS).from(tasks).where(ONE).prepare('find_task'),
    insert: db.insert(tasks).values(NEW_TASK).returning(MEMBERS).prepare('insert_task'),
    toggle: db.update(tasks).set(FLIPPED).where(ONE).returning(MEMBERS).prepare('toggle_task'),
    delete: db.update(tasks).set(DELETED).where(ONE).prepare('delete_task'),
  }
}
type Statements = ReturnType<typeof prepareStatements>

/** The pool keeps connections while other servers are measured. */
const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: 8,
  idleTimeoutMillis: 0,
})
const prepared = new WeakMap<PoolClient, Statements>()

function statementsOf(client: PoolClient): Statements {
  const known = prepared.get(client)
  if (known !== undefined) return known
  const statements = prepareStatements(client)
  prepared.set(client, statements)
  return statements
}

/** Runs work in a transaction in which row-level security admits only this user's rows. */
async function asUser<T>(userId: string, work: (statements: Statements) => Promise<T>) {
  const client = await pool.connect()
  try {
    const statements = statementsOf(client)
    return await statements.db.transaction(async () => {
      await statements.scope.execute({ userId })
      return await work(statements)
    })
  } finally {
    client.release()
  }
}

/** Resolves when the database responds. */
export async function ready(): Promise<void> {
  await pool.query('select 1')
}

/** Lists the newest tasks first, and all of them without a limit. */
export function listTasks(userId: string, limit: number | undefined): Promise<Task[]> {
  return asUser(userId, ({ list }) => list.execute({ userId, limit: limit ?? null }))
}

export async function findTask(userId: string, id: string): Promise<Task | undefined> {
  const [task] = await asUser(userId, ({ find }) => find.execute({ userId, id }))
  return task
}

/** Decreases with time, so that a new task is before all others. */
const newPosition = () => `0${(1e14 - Date.now()).toString(36)}`

export async function insertTask(userId: string, task: Writable): Promise<Task> {
  const values = {
    ...{ description: null, completed: false, priority: 'none', tags: [], position: newPosition() },
    ...{ due_date: null, due_time: null, due_zone: null, recurrence: null, parent_id: null },
    ...task,
    ...{ userId, id: v7(), folded_title: task.title.toLowerCase() },
  }
  const [inserted] = await asUser(userId, ({ insert }) => insert.execute(values))
  if (inserted === undefined) throw new Error('The statement returned no task')
  return inserted
}

/** Sets the given members. The query is built each time, because its text depends on them. */
export async function updateTask(userId: string, id: string, changes: Partial<Writable>) {
  const { completed, title } = changes
  const one = and(eq(tasks.user_id, userId), eq(tasks.id, id), isNull(tasks.deleted_at))
  const due = (['due_date', 'due_time', 'due_zone'] as const).some((name) => name in changes)
  const set = {
    ...changes,
    ...(title !== undefined && { folded_title: title.toLowerCase() }),
    ...(completed !== undefined && {
      completed_at: sql`case when ${completed}::boolean then coalesce(${tasks.completed_at}, now()) end`,
    }),
    ...(due && { due_at: dueAtAfter(changes) }),
    ...{ updated_at: NOW, seq: NEXT_SEQ },
  }
  const [task] = await asUser(userId, ({ db }) =>
    db.update(tasks).set(set).where(one).returning(MEMBERS),
  )
  return task
}

/** The instant of the given members, and of the present ones of those that are not given. */
function dueAtAfter({ due_date, due_time, due_zone }: Partial<Writable>): SQL {
  return dueAt(
    due_date === undefined ? sql`${tasks.due_date}` : sql`${due_date}::date`,
    due_time === undefined ? sql`${tasks.due_time}` : sql`${due_time}::time`,
    due_zone === undefined ? sql`${tasks.due_zone}` : sql`${due_zone}::text`,
  )
}

export async function toggleTask(userId: string, id: string): Promise<Task | undefined> {
  const [task] = await asUser(userId, ({ toggle }) => toggle.execute({ userId, id }))
  return task
}

/** @returns whether the task existed. */
export async function deleteTask(userId: string, id: string): Promise<boolean> {
  const { rowCount } = await asUser(userId, (statements) =>
    statements.delete.execute({ userId, id }),
  )
  return rowCount === 1
}
