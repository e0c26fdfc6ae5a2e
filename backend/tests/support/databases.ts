import { randomUUID } from 'node:crypto'
import { cpSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, type ClientBase, Pool } from 'pg'
import type { DatabaseConfig } from '../../src/core/config/config.ts'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import type { Connector } from '../../src/database/connector.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { pinPath } from '../../src/database/scope.ts'
import { type Database, type Row, type Statement, sql } from '../../src/database/session.ts'
import { endWithTest } from './started.ts'

export const KINDS = ['pglite', 'postgres'] as const
export type Kind = (typeof KINDS)[number]

export type Rows = Record<string, unknown>[]

/** A database of one test's own, migrated, with the pool the server uses and a way around it. */
export interface TestDatabase {
  readonly config: DatabaseConfig
  readonly database: Database
  readonly connector: Connector
  /** Runs SQL as the superuser, outside every scope and policy. */
  admin(text: string, values?: unknown[]): Promise<Rows>
  /** Runs a statement of the models in the same way: the policies do not hold for it. */
  unscoped<Result>(userId: string, statement: Statement<Result>): Promise<Result>
  close(): Promise<void>
}

/** Every column as the text PostgreSQL sent, as the pool reads it. */
const AS_TEXT = { getTypeParser: () => String }

const folders: string[] = []
process.on('exit', () => {
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // A process that was just killed still writes there. The runner removes it at the end.
    }
  }
})

/** A folder of this test file's own below the one that all share. It is in memory, so the file's end removes it. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(required('TEST_FOLDER'), 'test-'))
  folders.push(folder)
  return folder
}

/**
 * A folder with an embedded database which nobody has open. The synchronous copy of its thousand files
 * takes a tenth of the CPU time of the asynchronous one.
 */
export async function embeddedFolder(state: 'empty' | 'migrated'): Promise<string> {
  const directory = await testFolder()
  cpSync(join(required('TEST_FOLDER'), state), directory, { recursive: true })
  return directory
}

/** PostgreSQL's default writes the template to its log as well, which takes twice the CPU time. */
export const COPY_FILES = 'strategy file_copy'

/** An empty PostgreSQL database, and how to drop it. */
export async function emptyPostgres(options = ''): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const server = required('TEST_DATABASE_URL')
  await asServerAdmin(server, `create database ${name} ${options || COPY_FILES}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => asServerAdmin(server, `drop database if exists ${name} with (force)`),
  }
}

/** The same with a migrated one, a copy if this run has made one. */
export function migratedPostgres(): Promise<{ url: string; drop(): Promise<void> }> {
  const template = process.env.TEST_TEMPLATE
  return emptyPostgres(template && `template ${template} ${COPY_FILES}`)
}

/**
 * A migrated database in which nobody has set anything yet, and how to drop it when it is closed. A copy of one
 * that this run has migrated is not migrated again, apart from a server's, which takes a new epoch.
 */
export async function openMigrated(
  kind: Kind,
  poolMax = 4,
  from: 'empty' | 'migrated' = 'migrated',
) {
  const { config, drop } = kind === 'pglite' ? await embedded(from) : await onServer(from)
  const connector =
    config.kind === 'pglite'
      ? await connectPglite(config.directory)
      : connectPostgres({ ...config, poolMax })
  const isCopy = from === 'migrated' && process.env.TEST_TEMPLATE !== undefined
  if (!isCopy || kind === 'postgres') await migrate(connector)
  return { config, connector, drop }
}

/** The id of a task, by its number. */
export const taskId = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`

export async function openTestDatabase(
  kind: Kind,
  poolMax = 4,
  limits: Limits = LIMITS,
): Promise<TestDatabase> {
  const { config, connector, drop } = await openMigrated(kind, poolMax)
  const database = new PipelinedPool(connector, limits)
  const direct = directPool(connector)
  return {
    config,
    database,
    connector,
    admin: (text, values = []) =>
      withPooled(direct, async (client) => (await client.query(text, values)).rows),
    unscoped: (userId, { sql: { text }, values, read }) =>
      withPooled(direct, async (client) => {
        const answer = {
          text,
          values: [userId, ...values],
          rowMode: 'array',
          types: AS_TEXT,
        } as const
        return read((await client.query<(string | null)[]>(answer)).rows)
      }),
    close: endWithTest(`database ${database.description}`, async () => {
      await direct.end()
      await database.close()
      await drop()
    }),
  }
}

/**
 * The same as `withDirectClient`, on a connection that is used again where the work has not failed: a new one takes
 * 7 ms of CPU time on PostgreSQL, and 2 ms on the embedded database.
 */
function directPool({ direct }: Connector): Pool {
  const pool = new Pool({ ...direct, max: 50, idleTimeoutMillis: 0 })
  // A test may end its sessions.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    client.query(`select ${pinPath('false')}`).catch(() => {})
  })
  return pool
}

async function withPooled<Result>(
  pool: Pool,
  work: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  try {
    const result = await work(client)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Any statement as a user's, its rows as PostgreSQL sent them. `$1` is the user, `$2` the first value. */
export function rawStatement(
  text: string,
  values: Statement<unknown>['values'] = [],
): Statement<readonly Row[]> {
  return { sql: sql(text), values, read: (rows) => rows }
}

/** The statement with another user in its text in place of `$1`, as a mistake in the text could have it. */
export function naming<Result>(userId: string, statement: Statement<Result>): Statement<Result> {
  const text = statement.sql.text.replaceAll(/\$1\b/g, `'${userId}'`)
  return { ...statement, sql: sql(text) }
}

/** The statement that forgot whose task it is about. */
export function withoutOwner<Result>(statement: Statement<Result>): Statement<Result> {
  const text = statement.sql.text
    .replaceAll('user_id = $1', '$1::text is not null')
    .replace(/(update todo\.users set seq = .*?) where id = \$1/s, '$1 where true')
  if (text === statement.sql.text) throw new Error('The statement names no owner')
  return { ...statement, sql: sql(text) }
}

async function embedded(
  from: 'empty' | 'migrated',
): Promise<{ config: DatabaseConfig; drop(): Promise<void> }> {
  const directory = await embeddedFolder(from)
  return {
    config: { kind: 'pglite', directory },
    drop: async () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function onServer(
  from: 'empty' | 'migrated',
): Promise<{ config: DatabaseConfig; drop(): Promise<void> }> {
  const { url, drop } = await (from === 'migrated' ? migratedPostgres() : emptyPostgres())
  return { config: { kind: 'postgres', url, directUrl: url }, drop }
}

export async function asServerAdmin(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run the tests with npm test`)
  return value
}

/** Gives the schemas, and all that is in them, to a role. */
export const giveAll = (role: string) => `do $$
  declare part record; begin
    for part in select format('schema %I', nspname) as name from pg_namespace where nspname in ('todo', 'todo_auth')
      union all select format('table %s', c.oid::regclass) from pg_class c join pg_namespace n on n.oid = relnamespace
        where nspname in ('todo', 'todo_auth') and relkind = 'r'
      union all select format('function %s', p.oid::regprocedure) from pg_proc p join pg_namespace n on n.oid = pronamespace
        where nspname in ('todo', 'todo_auth')
    loop execute format('alter %s owner to ${role}', part.name); end loop;
  end $$`
