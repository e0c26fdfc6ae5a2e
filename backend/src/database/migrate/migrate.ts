import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import type { Connector } from '../connector.ts'
import { inTransaction, withDirectClient } from '../direct.ts'
import { isLockTimeout, sqlState } from '../errors.ts'
import {
  type Applied,
  appendHistory,
  createHistory,
  isCompatible,
  lockHistory,
  MigrationError,
  readHistory,
} from './history.ts'
import { actAsOwner, renewEpoch, repairOwners } from './owner.ts'
import { refuseForeign } from './ownership.ts'

export interface Migration extends Applied {
  readonly sql: string
}

export interface MigrateOptions {
  /** How long to wait for another start's migration, and for each lock of a migration. */
  readonly lockWaitMs?: number
  /** Called with the applied migrations of a newer version, if it marked all of them as compatible. */
  readonly foundNewer?: (names: string[]) => void
}

const LOCK_WAIT_MS = 60_000
const UNDEFINED_OBJECT = '42704'
const CONCURRENT_UPDATE = 'XX000'
const ROLE_ATTEMPTS = 5
const FOLDER = new URL('./migrations/', import.meta.url)
/** Separates the statements of a file. A sharded PostgreSQL accepts one utility statement per query. */
const SEPARATOR = /^-- next$/m

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

/** @returns the queries of a migration: the whole file, if it has no separator. */
export function queriesOf({ sql }: Pick<Migration, 'sql'>): string[] {
  return sql.split(SEPARATOR)
}

/**
 * Applies the missing migrations in order, each file in its own transaction. Several servers may start at
 * once: each reads the history first, takes the lock only if a file is missing, and reads the history again
 * under the lock. It also repairs the privileges after a change of owner, and renews the epoch of a copy.
 *
 * @returns the names of the files this call applied.
 * @throws {MigrationError} if an applied file was changed, or is not known to this version and not marked
 *   as compatible, or another start is still migrating.
 * @throws {WallError} if an untrusted role owns the schemas.
 */
export async function migrate(
  connector: Pick<Connector, 'direct'>,
  migrations?: readonly Migration[],
  { lockWaitMs = LOCK_WAIT_MS, foundNewer = () => {} }: MigrateOptions = {},
): Promise<string[]> {
  const known = migrations ?? (await readMigrations())
  return withDirectClient(connector.direct, async (client) => {
    const applied: string[] = []
    let done = await readDone(client)
    while (nextOf(done, known) !== undefined) {
      const name = await retryRoles(() =>
        inTransaction(client, () => applyNext(client, known, lockWaitMs)),
      )
      if (name !== undefined) applied.push(name)
      done = await readDone(client)
    }
    await inTransaction(client, async () => {
      await repairOwners(client)
      await renewEpoch(client)
    })
    const newer = done.slice(known.length)
    if (newer.length > 0) foundNewer(newer.map(({ name }) => name))
    return applied
  })
}

/** Reads the history as the owner, and creates it if it is missing. @throws {MigrationError} */
async function readDone(client: Client): Promise<readonly Applied[]> {
  const done = await inTransaction(client, async () => {
    await refuseForeign(client)
    return (await actAsOwner(client)) === undefined ? undefined : readHistory(client)
  })
  if (done !== undefined) return done
  await inTransaction(client, () => checkEncoding(client))
  await createHistory(client)
  return []
}

/** @returns the first migration that was not applied, or undefined. @throws {MigrationError} */
function nextOf(done: readonly Applied[], known: readonly Migration[]): Migration | undefined {
  for (const [index, { name, sha256 }] of done.entries()) checkApplied(name, sha256, known[index])
  return known[done.length]
}

/**
 * Retries a transaction that failed because of a concurrent migration of another database. Roles belong to
 * the whole PostgreSQL cluster, so a new role may not be visible yet, or both may change it at once.
 */
async function retryRoles<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction()
    } catch (error) {
      const mayPass = [UNDEFINED_OBJECT, CONCURRENT_UPDATE].includes(sqlState(error) ?? '')
      if (!mayPass || attempt === ROLE_ATTEMPTS) throw error
    }
  }
}

async function applyNext(
  client: Client,
  known: readonly Migration[],
  lockWaitMs: number,
): Promise<string | undefined> {
  await client.query(`set local lock_timeout = ${lockWaitMs}`)
  await refuseForeign(client)
  await actAsOwner(client)
  const waited = `${lockWaitMs / 1000} s`
  if (!(await lockHistory(client))) {
    throw new MigrationError(
      `Another start is migrating this database and has not finished within ${waited}. Wait until it has finished, or stop it. Then start again.`,
    )
  }
  const next = nextOf(await readHistory(client), known)
  if (next === undefined) return undefined
  try {
    for (const query of queriesOf(next)) await client.query(query)
  } catch (error) {
    if (!isLockTimeout(error)) throw error
    throw new MigrationError(
      `The migration ${next.name} waited ${waited} for a table that another transaction has locked. End that transaction (pg_stat_activity lists it), then start again.`,
      { cause: error },
    )
  }
  await appendHistory(client, next)
  return next.name
}

/** Only UTF8 stores all of Unicode and counts characters. @throws {MigrationError} for another one. */
async function checkEncoding(client: Client): Promise<void> {
  const { rows } = await client.query('show server_encoding')
  const encoding = rows[0].server_encoding
  if (encoding !== 'UTF8') {
    throw new MigrationError(
      `The database of DATABASE_URL is encoded in ${encoding} and must be in UTF8. Create another: create database <name> encoding 'UTF8' template template0`,
    )
  }
}

function checkApplied(name: string, sha256: string, expected: Migration | undefined): void {
  if (expected === undefined && isCompatible(name)) return
  if (expected?.name !== name) {
    throw new MigrationError(
      `The database has the migration ${name}, which this version does not know, and which is not marked as compatible. Start the version that made it, or a newer one. To go back, restore a backup from before the upgrade into an empty database: npm run restore -- <file>`,
    )
  }
  if (expected.sha256 !== sha256) {
    throw new MigrationError(
      `The migration ${name} was changed after it was applied. Restore the file, and put the change into a new one.`,
    )
  }
}
