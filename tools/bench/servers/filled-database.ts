import { join } from 'node:path'
import type { Client } from 'pg'
import { connect } from '../../../backend/src/database/connect.ts'
import { withDirectClient } from '../../../backend/src/database/direct.ts'
import { migrate } from '../../../backend/src/database/migrate/migrate.ts'
import { startPostgresToBreak } from '../../../scripts/postgres.ts'

export interface FilledDatabase<Result> {
  /** The value of `DATABASE_URL`. */
  readonly url: string
  readonly filled: Result
  /** The parent of PostgreSQL's processes; undefined for the embedded database. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/**
 * Creates and fills a database before a server opens it, because only one process can use the embedded
 * database.
 *
 * @param on `embedded`, or anything else for a new PostgreSQL server.
 * @param folder of the embedded database.
 * @param settings of PostgreSQL, such as `autovacuum=off`.
 */
export async function fillDatabase<Result>(
  on: string,
  folder: string,
  fill: (client: Client) => Promise<Result>,
  settings: readonly string[] = [],
): Promise<FilledDatabase<Result>> {
  const postgres = on === 'embedded' ? undefined : await startPostgresToBreak({ settings })
  const directory = join(folder, 'data')
  const database =
    postgres === undefined
      ? { kind: 'pglite' as const, directory }
      : { kind: 'postgres' as const, url: postgres.url, directUrl: postgres.url }
  const connector = await connect({ database, poolMax: 1 })
  await migrate(connector)
  const filled = await withDirectClient(connector.direct, fill)
  await connector.close()
  return {
    url: postgres?.url ?? `pglite:${directory}`,
    filled,
    pid: postgres?.pid,
    stop: async () => {
      await postgres?.stop()
    },
  }
}
