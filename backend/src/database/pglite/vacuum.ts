import type { Connector } from '../connector.ts'
import { identifier, withDirectClient } from '../direct.ts'

/**
 * The tables to vacuum, each with its toast table. PostgreSQL freezes rows in a vacuum. It accepts no more changes
 * when the oldest rows are two billion transactions old, so old tables count as well.
 */
const DUE = `
  select schemaname as schema, s.relname as name
  from pg_catalog.pg_stat_all_tables s join pg_catalog.pg_class c on c.oid = s.relid
  where c.relkind = 'r' and not c.relisshared and (
    ($1 and schemaname not in ('pg_catalog', 'information_schema'))
    or (n_dead_tup > $2 and n_dead_tup > $3::float8 * n_live_tup)
    or pg_catalog.age(c.relfrozenxid) > $4)
  order by s.relid`

const DEAD_ROWS = 50
/** PostgreSQL's autovacuum waits for 0.2. A smaller share makes more vacuums, each of which is shorter. */
const DEAD_SHARE = 0.1
const OLD_TRANSACTIONS = 100_000_000

/**
 * Vacuums the tables of the embedded database in which many rows are dead. PGlite has no autovacuum. Other
 * statements run between two tables.
 *
 * @param all vacuums all tables of the server. PGlite forgets its counts of dead rows when it ends.
 * @returns the tables that it vacuumed.
 */
export async function vacuumDead(
  { direct }: Pick<Connector, 'direct'>,
  { all = false, signal }: { readonly all?: boolean; readonly signal?: AbortSignal } = {},
): Promise<string[]> {
  return withDirectClient(direct, async (client) => {
    // PostgreSQL's timer for this does not exist in PGlite. The counts are written at the end of this statement.
    await client.query('select pg_catalog.pg_stat_force_next_flush()')
    const values = [all, DEAD_ROWS, DEAD_SHARE, OLD_TRANSACTIONS]
    const { rows } = await client.query<{ schema: string; name: string }>(DUE, values)
    const vacuumed: string[] = []
    for (const { schema, name } of rows) {
      if (signal?.aborted === true) break
      // Free space is used again. A shorter file would take longer and save little.
      await client.query(`vacuum (truncate off) ${identifier(schema)}.${identifier(name)}`)
      vacuumed.push(`${schema}.${name}`)
    }
    return vacuumed
  })
}
