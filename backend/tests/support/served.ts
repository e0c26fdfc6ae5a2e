import { loadConfig } from '../../src/core/config/config.ts'
import type { Environment } from '../../src/core/config/settings.ts'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { openConnector } from '../../src/database/connect.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import type { Database } from '../../src/database/session.ts'
import { SECRET, type Serving, serve } from './app.ts'

/** The app on a PostgreSQL by its address, opened as `main.ts` opens it. */
export async function startServer(
  url: string,
  environment: Environment = {},
  limits: Limits = LIMITS,
  accounts: Serving['accounts'] = {},
) {
  const secret = { BETTER_AUTH_SECRET: SECRET }
  const connector = await openConnector(
    loadConfig({ ...secret, ...environment, DATABASE_URL: url, DATABASE_POOL_MAX: '4' }),
  )
  const pool = new PipelinedPool(connector, limits)
  const served = await serve(pool, environment, { connector, limits, accounts })
  const asUser: Database['asUser'] = (userId, statement) => pool.asUser(userId, statement)
  return { ...served, asUser }
}
