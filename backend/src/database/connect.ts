import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../core/config/config.ts'
import { ConfigError } from '../core/config/settings.ts'
import type { Connector } from './connector.ts'
import { describeNewer, MigrationError } from './migrate/history.ts'
import { migrate } from './migrate/migrate.ts'
import { checkRights, RightsError } from './migrate/rights.ts'
import { connectThroughServer } from './pglite/control-socket.ts'
import { refuseCluster } from './pglite/damaged-folder.ts'
import { LockedError } from './pglite/lock-file.ts'
import { connectPglite, hasCluster } from './pglite/pglite.ts'
import { connectPostgres } from './postgres.ts'
import { explainStart, type StartFailure, UNREACHABLE } from './start-failure.ts'
import { WallError } from './walls/wall-error.ts'
import { proveAccountsRole, proveWalls } from './walls/walls.ts'

/** How long a start retries: an unreachable database may still be starting. */
const PATIENCE_MS = 30_000
const RETRY_MS = 500
/** The pause doubles after each attempt, up to this. */
const LONGEST_RETRY_MS = 5_000

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

/**
 * Refuses an embedded database that does not exist, for a program that only reads: opening it would create it.
 *
 * @throws {ConfigError}
 */
export function refuseMissing(config: Pick<Config, 'database'>): void {
  refuseMemory(config)
  const { database } = config
  if (database.kind === 'postgres' || database.directory === null) return
  refuseCluster(database.directory)
  if (hasCluster(database.directory)) return
  throw new ConfigError(
    `There is no embedded database in ${database.directory}. Set DATABASE_URL to the folder or the PostgreSQL database of your server`,
  )
}

/**
 * Refuses an embedded database in memory, for a program of which nothing would be left.
 *
 * @throws {ConfigError}
 */
export function refuseMemory({ database }: Pick<Config, 'database'>): void {
  if (database.kind === 'postgres' || database.directory !== null) return
  throw new ConfigError(
    'DATABASE_URL is pglite:memory, which ends with each process: name a folder, or a PostgreSQL database',
  )
}

/** How long a start tries again while the database is unavailable, and how often. */
export interface Patience {
  readonly patienceMs?: number
  readonly retryMs?: number
  /** How to connect: by itself, or beside a server. */
  readonly open?: typeof connect
}

/**
 * Connects to the database, migrates it, and runs the startup check. Retries for 30 s, less and less often,
 * while the failure is temporary (`explainStart`). Every other failure ends the start at once.
 *
 * @param report receives one line for each reason to try again.
 * @throws {LockedError} if the embedded folder is in use.
 * @throws {MigrationError} if the schema is not the one that this version expects.
 * @throws {RightsError} if a login lacks privileges.
 * @throws {WallError} if the startup check finds that users are not isolated.
 */
export async function openConnector(
  config: Pick<Config, 'database' | 'poolMax' | 'accounts'>,
  report: (message: string) => void = () => {},
  { patienceMs = PATIENCE_MS, retryMs = RETRY_MS, open = connect }: Patience = {},
): Promise<Connector> {
  const connector = await open(config, report)
  try {
    const endMs = performance.now() + patienceMs
    const reportOnce = onceForEach(report)
    let pauseMs = retryMs
    for (;;) {
      const failure = await tryPrepare(connector, config, reportOnce)
      if (failure === undefined) return connector
      const { state, reason, advice } = failure
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) throw timedOut(failure, patienceMs)
      const line = `${state} (${reason}); trying again for up to ${patienceMs / 1000} s. ${advice}`
      reportOnce(line)
      await sleep(Math.min(pauseMs, leftMs))
      pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)
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
 * @returns the names of those migrations, and of those that it applied.
 * @throws {MigrationError} if one of them is not marked as compatible.
 */
async function migrateOrWarn(
  connector: Connector,
  warn: (message: string) => void,
): Promise<{ newer: string[]; applied: string[] }> {
  let newer: string[] = []
  const applied = await migrate(connector, undefined, {
    foundNewer: (names) => {
      newer = names
      warn(describeNewer(names))
    },
  })
  return { newer, applied }
}

/** Errors whose message says everything. */
const KNOWN = [LockedError, MigrationError, RightsError, WallError]

/** @returns a temporary failure, or undefined if the database is ready. @throws every other error. */
async function tryPrepare(
  connector: Connector,
  config: Pick<Config, 'database' | 'accounts'>,
  warn: (message: string) => void,
): Promise<StartFailure | undefined> {
  try {
    await prepare(connector, config, warn)
    return undefined
  } catch (error) {
    if (KNOWN.some((known) => error instanceof known)) throw error
    const failure = explainStart(error)
    if (failure.isTemporary) return failure
    const { state, reason, advice } = failure
    throw new Error(`${state}: ${reason}. ${advice}`, { cause: error })
  }
}

async function prepare(
  connector: Connector,
  { database, accounts }: Pick<Config, 'database' | 'accounts'>,
  warn: (message: string) => void,
): Promise<void> {
  const hasAccounts = accounts !== null
  // The login of the embedded database is its superuser.
  const check =
    database.kind === 'postgres' ? () => checkRights(connector, hasAccounts) : async () => {}
  await check()
  const { newer, applied } = await migrateOrWarn(connector, warn)
  // The migrations may have created the roles that the login of DATABASE_URL needs.
  if (applied.length > 0) await check()
  await proveWalls(connector, newer)
  if (hasAccounts) await proveAccountsRole(connector)
}
