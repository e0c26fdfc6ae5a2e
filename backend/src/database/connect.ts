import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../core/config/config.ts'
import type { Connector } from './connector.ts'
import { describeNewer, MigrationError } from './migrate/history.ts'
import { migrate } from './migrate/migrate.ts'
import { connectThroughServer } from './pglite/control-socket.ts'
import { LockedError } from './pglite/lock-file.ts'
import { connectPglite } from './pglite/pglite.ts'
import { connectPostgres } from './postgres.ts'
import { explainStart, type StartFailure, UNREACHABLE } from './start-failure.ts'
import { WallError } from './walls/wall-error.ts'
import { proveAccountsRole, proveWalls } from './walls/walls.ts'

/** How long a start retries: an unreachable database may still be starting. */
const PATIENCE_MS = 30_000
const RETRY_MS = 1_000

/**
 * Opens the embedded database, or prepares connections to PostgreSQL without connecting yet.
 *
 * @param report receives messages for the operator.
 */
export async function connect(
  { database, poolMax }: Pick<Config, 'database' | 'poolMax'>,
  report: (message: string) => void = () => {},
): Promise<Connector> {
  return database.kind === 'pglite'
    ? connectPglite(database.directory, { report })
    : connectPostgres({ ...database, poolMax })
}

/**
 * The same for a program beside the server. While a server runs on the embedded database, the program uses
 * it through that server.
 */
export async function connectBeside(
  config: Pick<Config, 'database' | 'poolMax'>,
  report: (message: string) => void = () => {},
): Promise<Connector> {
  const { database } = config
  const running =
    database.kind === 'pglite' && database.directory !== null
      ? await connectThroughServer(database.directory)
      : undefined
  return running ?? connect(config, report)
}

/** How long a start tries again while the database is unavailable, and how often. */
export interface Patience {
  readonly patienceMs?: number
  readonly retryMs?: number
  /** How to connect: by itself, or beside a server. */
  readonly open?: typeof connect
}

/**
 * Connects to the database, migrates it, and runs the startup check. Retries for 30 s while the database is
 * unreachable, read-only or full.
 *
 * @param report receives one line for each failed attempt.
 * @throws {LockedError} if the embedded folder is in use.
 * @throws {MigrationError} if the schema is not the one that this version expects.
 * @throws {WallError} if the startup check finds that users are not isolated.
 */
export async function openConnector(
  config: Pick<Config, 'database' | 'poolMax' | 'accounts'>,
  report: (message: string) => void = () => {},
  { patienceMs = PATIENCE_MS, retryMs = RETRY_MS, open = connect }: Patience = {},
): Promise<Connector> {
  const connector = await open(config, report)
  try {
    const startedMs = performance.now()
    const warn = onceForEach(report)
    for (;;) {
      const failure = await prepare(connector, config, warn)
      if (failure === undefined) return connector
      const { state, reason, advice } = failure
      if (performance.now() - startedMs > patienceMs) throw timedOut(failure, patienceMs)
      report(`${state} (${reason}); trying again. ${advice}`)
      await sleep(retryMs)
    }
  } catch (error) {
    await connector.close().catch(() => undefined)
    throw error
  }
}

function timedOut({ state, reason, advice, cause }: StartFailure, patienceMs: number): Error {
  const seconds = `for ${patienceMs / 1000} s`
  const problem = state === UNREACHABLE ? 'The database could not be reached' : state
  return new Error(`${problem} ${seconds}: ${reason}. ${advice}`, { cause })
}

/** @returns a function that ignores a message which it has reported before. */
function onceForEach(report: (message: string) => void): (message: string) => void {
  const reported = new Set<string>()
  return (message) => {
    if (!reported.has(message)) report(message)
    reported.add(message)
  }
}

/**
 * Migrates, and warns if the database has migrations of a newer version, for example after a deploy was rolled
 * back.
 *
 * @returns the names of those migrations.
 * @throws {MigrationError} if one of them is not marked as compatible.
 */
async function migrateOrWarn(
  connector: Connector,
  warn: (message: string) => void,
): Promise<string[]> {
  let newer: string[] = []
  await migrate(connector, undefined, {
    foundNewer: (names) => {
      newer = names
      warn(describeNewer(names))
    },
  })
  return newer
}

/** @returns a temporary failure, or undefined if the database is ready. @throws every other error. */
async function prepare(
  connector: Connector,
  { accounts }: Pick<Config, 'accounts'>,
  warn: (message: string) => void,
): Promise<StartFailure | undefined> {
  try {
    const newer = await migrateOrWarn(connector, warn)
    await proveWalls(connector, newer)
    if (accounts !== null) await proveAccountsRole(connector)
    return undefined
  } catch (error) {
    if ([LockedError, MigrationError, WallError].some((known) => error instanceof known))
      throw error
    const failure = explainStart(error)
    if (failure.isTemporary) return failure
    const { state, reason, advice } = failure
    throw new Error(`${state}: ${reason}. ${advice}`, { cause: error })
  }
}
