import type { Environment } from '../../src/core/settings.ts'
import { openConnector } from '../../src/database/connect.ts'
import { PipelinedPool } from '../../src/database/pool.ts'
import { serve } from './app.ts'

/** The app on a PostgreSQL by its address, opened as `main.ts` opens it. */
export async function startServer(url: string, environment: Environment = {}) {
  const database = { kind: 'postgres', url, directUrl: url } as const
  const connector = await openConnector({ database, poolMax: 4, accounts: null })
  const served = await serve(new PipelinedPool(connector), environment, { connector })
  return { ...served, close: () => served.app.close() }
}
