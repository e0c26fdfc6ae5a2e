import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../core/config.ts'
import { fromDatabase } from './errors.ts'
import { MigrationError } from './history.ts'
import { LockedError } from './lock-file.ts'
import { migrate } from './migrate.ts'
import { connectPglite } from './pglite.ts'
import type { Connector } from './pool.ts'
import { connectPostgres } from './postgres.ts'
import { WallError } from './wall-error.ts'
import { proveAccountsRole, proveWalls } from './walls.ts'

/** A database that is away at start may still be starting itself. */
const PATIENCE_MS = 30_000
const RETRY_MS = 1_000

/** Picks the database by `DATABASE_URL`, without asking a server anything yet. */
export async function connect(
  { database, poolMax }: Pick<Config, 'database' | 'poolMax'>,
  tell: (message: string) => void = () => {},
): Promise<Connector> {
  return database.kind === 'pglite'
    ? connectPglite(database.directory, { tell })
    : connectPostgres({ ...database, poolMax })
}

/**
 * Connections to the database, migrated, with its walls proven to stand. While it is away it is tried again for
 * 30 s.
 *
 * @param tell is given a line for each attempt that failed.
 * @throws {LockedError} the embedded folder is in use. @throws {MigrationError} the schema is not
 *   what this version expects. @throws {WallError} a user could see another's rows.
 */
export async function openConnector(
  config: Pick<Config, 'database' | 'poolMax' | 'accounts'>,
  tell: (message: string) => void = () => {},
): Promise<Connector> {
  const connector = await connect(config, tell)
  try {
    const giveUpMs = performance.now() + PATIENCE_MS
    while (!(await prepare(connector, config, giveUpMs, tell))) await sleep(RETRY_MS)
    return connector
  } catch (error) {
    await connector.close().catch(() => undefined)
    throw error
  }
}

async function prepare(
  connector: Connector,
  { accounts }: Pick<Config, 'accounts'>,
  giveUpMs: number,
  tell: (message: string) => void,
): Promise<boolean> {
  try {
    await migrate(connector)
    await proveWalls(connector)
    if (accounts !== null) await proveAccountsRole(connector)
    return true
  } catch (error) {
    if ([LockedError, MigrationError, WallError].some((known) => error instanceof known))
      throw error
    const reason = reasonOf(error)
    const hopeless = /does not support SSL|ENOENT/.test(reason)
    if (hopeless || fromDatabase(error).code !== 'service_unavailable') {
      throw new Error(`The database refused: ${reason}`, { cause: error })
    }
    if (performance.now() > giveUpMs) {
      throw new Error(
        `The database could not be reached for ${PATIENCE_MS / 1000} s: ${reason}. Check DATABASE_URL, and that the server runs.`,
        { cause: error },
      )
    }
    tell(`The database is away (${reason}); trying again`)
    return false
  }
}

/** A refused connection to a name of several addresses is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  const { message } = (error ?? {}) as { message?: unknown } // pg rejects with plain objects, too
  return typeof message === 'string' ? message : String(error)
}
