import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../core/config/config.ts'
import type { Connector } from './connector.ts'
import { MigrationError } from './migrate/history.ts'
import { migrate } from './migrate/migrate.ts'
import { LockedError } from './pglite/lock-file.ts'
import { connectPglite } from './pglite/pglite.ts'
import { connectPostgres } from './postgres.ts'
import { AWAY, explainStart, type StartFailure } from './start-failure.ts'
import { WallError } from './walls/wall-error.ts'
import { proveAccountsRole, proveWalls } from './walls/walls.ts'

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

/** How long a start tries again while the database is unavailable, and how often. */
export interface Patience {
  readonly patienceMs?: number
  readonly retryMs?: number
}

/**
 * Connects to the database, migrates it, and proves its walls. While it is unreachable, read-only or
 * full, tries again for 30 s.
 *
 * @param tell is given a line for each attempt that failed.
 * @throws {LockedError} the embedded folder is in use. @throws {MigrationError} the schema is not
 *   what this version expects. @throws {WallError} a user could see another's rows.
 */
export async function openConnector(
  config: Pick<Config, 'database' | 'poolMax' | 'accounts'>,
  tell: (message: string) => void = () => {},
  { patienceMs = PATIENCE_MS, retryMs = RETRY_MS }: Patience = {},
): Promise<Connector> {
  const connector = await connect(config, tell)
  try {
    const startedMs = performance.now()
    for (;;) {
      const failure = await prepare(connector, config)
      if (failure === undefined) return connector
      const { state, reason, advice } = failure
      if (performance.now() - startedMs > patienceMs) throw gaveUp(failure, patienceMs)
      tell(`${state} (${reason}); trying again. ${advice}`)
      await sleep(retryMs)
    }
  } catch (error) {
    await connector.close().catch(() => undefined)
    throw error
  }
}

function gaveUp({ state, reason, advice, cause }: StartFailure, patienceMs: number): Error {
  const seconds = `for ${patienceMs / 1000} s`
  const what = state === AWAY ? 'The database could not be reached' : state
  return new Error(`${what} ${seconds}: ${reason}. ${advice}`, { cause })
}

/** @returns a failure that may pass by itself, or undefined when the database is ready. @throws others. */
async function prepare(
  connector: Connector,
  { accounts }: Pick<Config, 'accounts'>,
): Promise<StartFailure | undefined> {
  try {
    await migrate(connector)
    await proveWalls(connector)
    if (accounts !== null) await proveAccountsRole(connector)
    return undefined
  } catch (error) {
    if ([LockedError, MigrationError, WallError].some((known) => error instanceof known))
      throw error
    const failure = explainStart(error)
    if (failure.passes) return failure
    const { state, reason, advice } = failure
    throw new Error(`${state}: ${reason}. ${advice}`, { cause: error })
  }
}
