/**
 * The server on the embedded database, which runs a long statement for each message. runs/liveness.ts forks
 * it. It sends its URL first, and then for each message the milliseconds that the statement took.
 *
 * Usage: DATABASE_URL=pglite:memory BETTER_AUTH_SECRET=… fork('tools/bench/servers/slow-statement.ts')
 */
import { buildApp } from '../../../backend/src/app.ts'
import { loadConfig } from '../../../backend/src/core/config/config.ts'
import { createLogger } from '../../../backend/src/core/log/logger.ts'
import { openConnector } from '../../../backend/src/database/connect.ts'
import { PipelinedPool } from '../../../backend/src/database/pipeline/pool.ts'
import { sql } from '../../../backend/src/database/session.ts'

/** Counts up to a parameter: work for the processor without waiting. */
const COUNT = sql('select count(*) from generate_series(1, $1::bigint)')

const config = loadConfig()
const logger = await createLogger(config.logLevel)
const database = new PipelinedPool(await openConnector(config, console.error))
const app = await buildApp({ config, database, accounts: null, logger })

process.on('message', async (rows: number) => {
  const startedMs = performance.now()
  await database.asUser('slow', { sql: COUNT, values: [rows], read: () => undefined })
  process.send?.(performance.now() - startedMs)
})
process.on('disconnect', async () => {
  await app.close()
  process.exit()
})
process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }))
