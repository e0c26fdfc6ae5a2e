import type { Config } from '../../backend/src/core/config/config.ts'
import { openConnector } from '../../backend/src/database/connect.ts'
import type { Connector } from '../../backend/src/database/connector.ts'
import { PipelinedPool } from '../../backend/src/database/pipeline/pool.ts'
import type { Database } from '../../backend/src/database/session.ts'

export interface OpenDatabase {
  readonly connector: Connector
  /** Closing it closes the connector as well. */
  readonly database: Database
}

/**
 * Opens the database of the settings as the server does, with migrations and the startup check.
 *
 * @throws {Error} with the reason in one line, if the database cannot be used.
 */
export async function openDatabase(config: Config): Promise<OpenDatabase> {
  const connector = await openConnector(config, console.error)
  return { connector, database: new PipelinedPool(connector) }
}
