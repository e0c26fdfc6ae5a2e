import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { inTransaction, withDirectClient } from './direct.ts'
import { sqlState } from './errors.ts'
import type { Connector } from './pool.ts'

export interface Migration {
  readonly name: string
  readonly sql: string
  readonly sha256: string
}

/** The database's history is not a beginning of this version's. The message says what differs. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

/** Held for one transaction at a time; the number is arbitrary, and this service's own. */
const LOCK = 7_061_997_215
const UNDEFINED_OBJECT = '42704'
const FOLDER = new URL('./migrations/', import.meta.url)

/** @returns the migration files `NNNN_name.sql`, in order. */
export async function readMigrations(folder: URL = FOLDER): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/**
 * Brings the schema up to this version: each missing file in a transaction of its own, in order.
 * Several instances may start at once: each transaction takes the lock and looks again.
 *
 * @returns the names of the files this call applied.
 * @throws {MigrationError} when an applied file was changed, or is not known to this version.
 */
export async function migrate(
  connector: Pick<Connector, 'direct'>,
  migrations?: readonly Migration[],
): Promise<string[]> {
  const known = migrations ?? (await readMigrations())
  return withDirectClient(connector.direct, async (client) => {
    const applied: string[] = []
    for (;;) {
      const name = await knowingRoles(() => inTransaction(client, () => applyNext(client, known)))
      if (name === undefined) return applied
      applied.push(name)
    }
  })
}

/**
 * Roles belong to all databases of a server. When the migration of another database makes one at the
 * same time, this transaction may still not find it by its name; the next one does.
 */
async function knowingRoles<Result>(transaction: () => Promise<Result>): Promise<Result> {
  try {
    return await transaction()
  } catch (error) {
    if (sqlState(error) !== UNDEFINED_OBJECT) throw error
    return transaction()
  }
}

async function applyNext(client: Client, known: readonly Migration[]): Promise<string | undefined> {
  await client.query(`set local lock_timeout = '60s'`)
  await client.query('select pg_advisory_xact_lock($1)', [LOCK])
  const done = await readHistory(client)
  if (done.length === 0) await checkEncoding(client)
  for (const [index, { name, sha256 }] of done.entries()) checkApplied(name, sha256, known[index])
  const next = known[done.length]
  if (next === undefined) return undefined
  if (done.length === 0) await createHistory(client)
  await client.query(next.sql)
  await client.query('insert into todo.migrations (name, sha256) values ($1, $2)', [
    next.name,
    next.sha256,
  ])
  return next.name
}

async function readHistory(client: Client): Promise<Pick<Migration, 'name' | 'sha256'>[]> {
  const { rows } = await client.query(`select to_regclass('todo.migrations') as history`)
  if (rows[0].history === null) return []
  const history = await client.query('select name, sha256 from todo.migrations order by name')
  return history.rows
}

/** Any other encoding counts bytes for characters, or refuses some of them. */
async function checkEncoding(client: Client): Promise<void> {
  const { rows } = await client.query('show server_encoding')
  const encoding = rows[0].server_encoding
  if (encoding !== 'UTF8') {
    throw new MigrationError(
      `The database of DATABASE_URL is encoded in ${encoding}, and must be in UTF8: create database <name> encoding 'UTF8' template template0`,
    )
  }
}

async function createHistory(client: Client): Promise<void> {
  await client.query(`
    create schema if not exists todo;
    create table todo.migrations (
      name text primary key,
      sha256 text not null,
      applied_at timestamptz(3) not null default now()
    )`)
}

function checkApplied(name: string, sha256: string, expected: Migration | undefined): void {
  if (expected?.name !== name) {
    throw new MigrationError(
      `The database has the migration ${name}, which this version does not know. Start the version that made it, or a newer one.`,
    )
  }
  if (expected.sha256 !== sha256) {
    throw new MigrationError(
      `The migration ${name} was changed after it was applied. Restore the file, and put the change into a new one.`,
    )
  }
}
