import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { openAccounts } from '../accounts/accounts.ts'
import { signInQueue } from '../api/accounts/routes.ts'
import { openPage, type Page } from '../api/web/page.ts'
import { buildApp } from '../app.ts'
import type { Config } from '../core/config/config.ts'
import { LIMITS, type Limits } from '../core/limits.ts'
import { end, print } from '../core/log/end.ts'
import { createLogger } from '../core/log/logger.ts'
import { VERSION } from '../core/version.ts'
import { openConnector } from '../database/connect.ts'
import type { Connector } from '../database/connector.ts'
import { Notices } from '../database/notices.ts'
import { hasCluster } from '../database/pglite/pglite.ts'
import { PipelinedPool } from '../database/pipeline/pool.ts'
import type { Database } from '../database/session.ts'
import type { RequestLimit } from '../http/rate/request-windows.ts'
import { purgeRegularly } from '../jobs/purge.ts'
import { vacuumRegularly } from '../jobs/vacuum.ts'
import { ChangeHints } from '../models/changes/hints.ts'
import { BOUNDS, type Bounds } from './bounds.ts'
import { firstSteps } from './first-steps.ts'
import { maxOpenFiles } from './max-open-files.ts'
import type { Metrics } from './observe/metrics.ts'
import { observed } from './observe/observer.ts'
import { openObservers, serveMetrics } from './observe/open-observers.ts'
import { killAfter, type StopLimits } from './stop.ts'

const PROGRESS_MS = 4_000

/** A server that listens, in this process. */
export interface Server {
  readonly log: FastifyBaseLogger
  /** The metrics of this process, if METRICS_PORT is set. */
  readonly metrics: Metrics | undefined
  /**
   * Prints the address and the first steps, or logs the address in production. Only one of several processes
   * calls it.
   */
  greet(): Promise<void>
  /** Finishes the requests in progress, closes the database, and ends the process with exit code 0. */
  stop(): Promise<void>
}

/** Shared by all workers, through the primary. */
export interface Shared {
  /** Counts the task requests of users. The default counts those of this process. */
  readonly limit?: RequestLimit
  readonly hints?: ChangeHints
  /** Logs a warning, unless another worker has given it. */
  readonly warnOnce?: (text: string) => void
}

/**
 * Opens the database and listens.
 *
 * @throws {Error} with the reason in one line, if it cannot serve.
 */
export async function serve(
  config: Config,
  { limits, stop }: Bounds = BOUNDS,
  { limit, hints = new ChangeHints(), warnOnce }: Shared = {},
): Promise<Server> {
  const logger = await createLogger(config.logLevel, config.processes > 1)
  const endProgress = showCreation(config, logger)
  const connector = await openConnector(config, (message) => logger.warn(message)).finally(
    endProgress,
  )
  const pool = new PipelinedPool(connector, limits, (err) => logger.error({ err }, err.message))
  const accounts = openAccounts(config, connector, logger)
  const signIns = accounts === null ? undefined : signInQueue(accounts)
  const sources = { pool, signIns, accounts, hints }
  const { all: observers, metrics } = await openObservers(config, sources, logger).catch(
    async (error: unknown) => {
      await pool.close()
      throw error
    },
  )
  const page = config.web ? await openPage(config.basePath, logger) : undefined
  const database = observers.reduce<Database>(observed, pool)
  const app = await buildApp({
    ...{ config, database, accounts, logger, limits, signIns, hints, page },
    ...(limit && { limit }),
    ...(warnOnce && { warnOnce }),
    watch: (server) => {
      for (const observer of observers) observer.watch(server)
    },
  })
  // With several processes the primary serves the metrics.
  if (metrics !== undefined && config.processes === 1) await openMetrics(app, config, metrics)
  if (config.database.kind === 'postgres' && config.processes === 1) {
    exchangeHints(app, connector, hints)
  }
  const address = `${await listen(app, config)}${config.basePath}`
  accounts?.continueDeletions()
  const job = { log: logger, watch: metrics?.beginJob }
  const ends = [purgeRegularly({ ...job, database, trashDays: config.trashDays })]
  if (config.database.kind === 'pglite') ends.push(vacuumRegularly({ ...job, connector }))
  stopWithDatabase(app, database)
  return {
    log: logger,
    metrics,
    greet: () => greet({ config, database, page, address, log: logger, limits }),
    stop: stopOf(app, stop, () => {
      for (const endJob of ends) endJob()
    }),
  }
}

/** Logs the creation of the embedded database, which takes seconds. @returns a function that ends the messages. */
function showCreation({ database }: Config, log: FastifyBaseLogger): () => void {
  const { directory } = database.kind === 'pglite' ? database : { directory: null }
  if (directory === null || hasCluster(directory)) return () => {}
  log.info('Creating the embedded database, once …')
  const begunMs = performance.now()
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - begunMs) / 1_000)
    log.info(`Creating the embedded database: ${seconds} s so far`)
  }, PROGRESS_MS)
  return () => clearInterval(timer)
}

interface Greeting {
  readonly config: Config
  readonly database: Database
  readonly page: Page | undefined
  readonly address: string
  readonly log: FastifyBaseLogger
  readonly limits: Limits
}

/** Prints the address, the database, and commands that create a first task. In production it is one log line. */
async function greet({ config, database, page, address, log, limits }: Greeting): Promise<void> {
  const { streamsOpen } = limits
  const openFiles = maxOpenFiles()
  if (openFiles < streamsOpen) {
    log.warn(
      `This process may open ${openFiles} files at once (ulimit -n). Each connection is one, and streams of changes may be ${streamsOpen}: raise the limit if as many clients keep a stream open`,
    )
  }
  if (config.production && config.accounts !== null && !config.publicUrl.startsWith('https://')) {
    log.warn(
      `BETTER_AUTH_URL is ${config.publicUrl}, which is not https: links in mails lead there, and cookies are not secure. Set it to the https address that people use`,
    )
  }
  if (config.web && page === undefined) {
    log.warn(
      'The web page is not built, so browsers get JSON. Build it with npm run build:web and start again, or set WEB=off',
    )
  }
  if (config.misspelt !== undefined) log.warn(config.misspelt)
  if (config.production) {
    log.info(
      `Todo Backend ${VERSION} listens on ${address} with the database: ${database.description}`,
    )
    return
  }
  const lines = [
    `Todo Backend ${VERSION} listens on ${address}`,
    ...(page === undefined ? [] : [`  page      ${address}/`]),
    `  docs      ${address}/docs`,
    `  database  ${database.description}`,
    '',
    ...(await firstSteps(config, address)),
    '',
  ]
  print(lines.join('\n'))
}

async function openMetrics(app: FastifyInstance, config: Config, metrics: Metrics): Promise<void> {
  try {
    await serveMetrics(app, config, metrics, app.log)
  } catch (error) {
    await app.close()
    throw error
  }
}

/** Exchanges hints with the servers of other machines. With several processes the primary does. */
function exchangeHints(app: FastifyInstance, { direct }: Connector, hints: ChangeHints): void {
  const notices = new Notices(direct, (hint) => hints.heard(hint))
  hints.relayTo(notices)
  app.addHook('onClose', () => notices.close())
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    const listenTextResolver = (address: string) =>
      `Todo Backend ${VERSION} listening at ${address}`
    const backlog = LIMITS.connectionsWaiting
    return await app.listen({ host, port, backlog, listenTextResolver })
  } catch (cause) {
    await app.close()
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    throw new Error(
      taken
        ? `Port ${port} is in use. Stop the program that uses it, or set PORT to another port`
        : `Cannot listen on HOST ${host}: ${cause instanceof Error ? cause.message : cause}. Set HOST to an address of this machine, or leave it out`,
      { cause },
    )
  }
}

function stopOf(
  app: FastifyInstance,
  { requestsMs, closeMs, lastMs }: StopLimits,
  endJobs: () => void,
): Server['stop'] {
  let stopping = false
  return async () => {
    if (stopping) return
    stopping = true
    endJobs()
    killAfter(lastMs)
    setTimeout(() => {
      app.log.warn(
        `requests were still in progress after ${requestsMs} ms: closing their connections`,
      )
      app.server.closeAllConnections()
    }, requestsMs).unref()
    setTimeout(() => end(1), requestsMs + closeMs).unref()
    await app.close()
    await end(0)
  }
}

function stopWithDatabase(app: FastifyInstance, database: Database): void {
  database.failed.then((err) => {
    app.log.fatal(
      { err },
      'The embedded database has failed, perhaps because the disk is full. Acknowledged changes are kept. Start the server again',
    )
    return end(1)
  })
}
