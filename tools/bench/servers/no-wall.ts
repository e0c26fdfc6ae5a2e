/**
 * The same app without row-level security, to measure its cost. The database runs each statement as the
 * login, which is a superuser, without a scope.
 *
 * Usage: DATABASE_URL=… BETTER_AUTH_SECRET=… PORT=… node tools/bench/servers/no-wall.ts
 */
import { buildApp } from '../../../backend/src/app.ts'
import { loadConfig } from '../../../backend/src/core/config/config.ts'
import { createLogger } from '../../../backend/src/core/log/logger.ts'
import { batchOf } from '../../../backend/src/database/pipeline/batch.ts'
import type { Database } from '../../../backend/src/database/session.ts'
import { gathered, openUnscopedPool } from './unscoped-pool.ts'

const config = loadConfig()
const pool = await openUnscopedPool(process.env.DATABASE_URL ?? '', gathered)

const database: Database = {
  description: 'without row level security',
  // Each in its own transaction, because no measured route sends several.
  asUser: async (userId, asked) => {
    const { statements, read } = batchOf(asked)
    const raw = statements.map((statement) =>
      pool.run(userId, { ...statement, read: (rows) => rows }),
    )
    return read(await Promise.all(raw))
  },
  ping: async () => undefined,
  failed: new Promise(() => {}),
  close: pool.close,
}

const logger = await createLogger(config.logLevel)
const app = await buildApp({ config, database, accounts: null, logger })
await app.listen({ host: config.host, port: config.port })
process.on('SIGTERM', async () => {
  await app.close()
  process.exit()
})
