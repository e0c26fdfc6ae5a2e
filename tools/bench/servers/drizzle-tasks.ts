/**
 * The tasks of the server in drizzle.ts: the same table, and each operation as a query of Drizzle's builder
 * in a transaction with the user's scope.
 */
import { and, desc, eq, not, sql } from 'drizzle'
import { drizzle } from 'drizzle/node-postgres'
import { boolean, pgSchema, primaryKey, text, timestamp, uuid } from 'drizzle/pg-core'
import { Pool, type PoolClient } from 'pg'
import { v7 } from 'uuid'

const instant = (name: string) =>
  timestamp(name, { withTimezone: true, precision: 3, mode: 'date' }).notNull()

const tasks = pgSchema('todo').table(
  'tasks',
  {
    user_id: text().notNull(),
    id: uuid().notNull(),
    title: text().notNull(),
    description: text(),
    completed: boolean().notNull(),
    created_at: instant('created_at'),
    updated_at: instant('updated_at'),
  },
  (table) => [primaryKey({ columns: [table.user_id, table.id] })],
)

export type Task = typeof tasks.$inferSelect

/** The members that a client may write. */
interface Writable {
  readonly title: string
  readonly description?: string | null
  readonly completed?: boolean
}

const { placeholder } = sql
const NOW = sql`now()`
const OWNED = eq(tasks.user_id, placeholder('userId'))
const ONE = and(OWNED, eq(tasks.id, placeholder('id')))
const NEW_TASK = {
  user_id: placeholder('userId'),
  id: placeholder('id'),
  title: placeholder('title'),
  description: placeholder('description'),
  completed: placeholder('completed'),
  created_at: NOW,
  updated_at: NOW,
}
const FLIPPED = { completed: not(tasks.completed), updated_at: NOW }
const SCOPE = {
  role: sql`set_config('role', 'todo_user', true)`,
  user: sql`set_config('app.user_id', ${placeholder('userId')}, true)`,
}

/** The statements of a connection, built and prepared once, because Drizzle binds them to their client. */
function prepareStatements(client: PoolClient) {
  const db = drizzle(client)
  const newest = db.select().from(tasks).where(OWNED).orderBy(desc(tasks.id))
  return {
    db,
    scope: db.select(SCOPE).from(sql`(values (1)) as one`).prepare('scope'),
    // A null limit means no limit.
    list: newest.limit(placeholder('limit')).prepare('list_tasks'),
    find: db.select().from(tasks).where(ONE).prepare('find_task'),
    insert: db.insert(tasks).values(NEW_TASK).returning().prepare('insert_task'),
    toggle: db.update(tasks).set(FLIPPED).where(ONE).returning().prepare('toggle_task'),
    delete: db.delete(tasks).where(ONE).prepare('delete_task'),
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

export async function insertTask(userId: string, task: Writable): Promise<Task> {
  const { title, description = null, completed = false } = task
  const values = { userId, id: v7(), title, description, completed }
  const [inserted] = await asUser(userId, ({ insert }) => insert.execute(values))
  if (inserted === undefined) throw new Error('The statement returned no task')
  return inserted
}

/** Sets the given members. The query is built each time, because its text depends on them. */
export async function updateTask(userId: string, id: string, changes: Partial<Writable>) {
  const one = and(eq(tasks.user_id, userId), eq(tasks.id, id))
  const set = { ...changes, updated_at: NOW }
  const [task] = await asUser(userId, ({ db }) => db.update(tasks).set(set).where(one).returning())
  return task
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
