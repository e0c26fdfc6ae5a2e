import type { FastifyInstance } from 'fastify'
import { openAccounts } from './accounts/accounts.ts'
import { buildApp } from './app.ts'
import { firstSteps } from './commands/first-steps.ts'
import { type Config, loadConfig } from './core/config.ts'
import { endWithReason } from './core/end.ts'
import { createLogger } from './core/logger.ts'
import { openConnector } from './database/connect.ts'
import { PipelinedPool } from './database/pool.ts'
import type { Database } from './database/session.ts'

/** A stop waits this long for requests under way. */
const STOP_LIMIT_MS = 10_000
/** And this long for the database to be closed behind them. */
const CLOSE_LIMIT_MS = 5_000
/** Ctrl-C reaches the server from the terminal and once more from npm: one stop, not two. */
const SAME_SIGNAL_MS = 1_000

/** What a person needs next: where it listens, what keeps the tasks, and how to make the first one. */
async function greet(config: Config, database: Database, address: string): Promise<void> {
  const lines = [
    `Todo Backend listens on ${address}`,
    `  docs      ${address}/docs`,
    `  database  ${database.description}`,
  ]
  if (!config.production) lines.push('', ...(await firstSteps(config, address)), '')
  console.log(lines.join('\n'))
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    throw new Error(
      taken
        ? `Port ${port} is in use: stop what has it, or set PORT to another`
        : `HOST ${host} cannot be listened on: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    )
  }
}

/** SIGINT and SIGTERM end the server with 0 when all is answered and closed; a second one at once. */
function stopOnSignals(app: FastifyInstance): void {
  let stoppingMs: number | undefined
  const stop = async (signal: string) => {
    if (stoppingMs !== undefined) {
      if (performance.now() - stoppingMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    stoppingMs = performance.now()
    app.log.info(`${signal}: finishing the requests under way, then stopping`)
    setTimeout(() => {
      app.log.warn(`requests were still under way after ${STOP_LIMIT_MS} ms, and are cut off`)
      app.server.closeAllConnections()
    }, STOP_LIMIT_MS).unref()
    setTimeout(() => process.exit(1), STOP_LIMIT_MS + CLOSE_LIMIT_MS).unref()
    await app.close()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
}

function stopWithDatabase(app: FastifyInstance, database: Database): void {
  database.failed.then((err) => {
    app.log.fatal(
      { err },
      'The database is gone for good; is the disk full? What was acknowledged is kept: start again',
    )
    process.exit(1)
  })
}

try {
  const config = loadConfig()
  const logger = await createLogger(config.logLevel)
  const connector = await openConnector(config, (message) => logger.warn(message))
  const database = new PipelinedPool(connector)
  const accounts = openAccounts(config, connector, logger)
  if (config.production && accounts !== null && !config.publicUrl.startsWith('https://')) {
    logger.warn(
      `BETTER_AUTH_URL is ${config.publicUrl}: links of mails lead there, and cookies are not secure. Set it to the https address people use`,
    )
  }
  const app = await buildApp({ config, database, accounts, logger })
  const address = await listen(app, config)
  stopOnSignals(app)
  stopWithDatabase(app, database)
  await greet(config, database, address)
} catch (error) {
  endWithReason(error)
}
