import type { Client } from 'pg'
import type { Connector } from '../connector.ts'
import { identifier, withDirectClient } from '../direct.ts'

/**
 * The tables to vacuum, each with its toast table: those in which many rows are dead, and those with many new ones, because
 * PostgreSQL plans a statement once for each vacuum (decision 56). It also freezes rows in a vacuum. It accepts no more
 * changes when the oldest rows are two billion transactions old, so old tables count as well.
 *
 * PostgreSQL assumes that a table which was never vacuumed has at least ten pages, and plans for it as for a large one. So a
 * smaller table is not vacuumed.
 */
const DUE = `
  select schemaname as schema, s.relname as name
  from pg_catalog.pg_stat_all_tables s join pg_catalog.pg_class c on c.oid = s.relid
  where c.relkind = 'r' and not c.relisshared and (
    pg_catalog.pg_relation_size(c.oid) >= $1 * pg_catalog.current_setting('block_size')::int4 and (
      ($2 and schemaname not in ('pg_catalog', 'information_schema'))
      or (n_dead_tup + n_ins_since_vacuum > $3 and n_dead_tup + n_ins_since_vacuum > $4::float8 * n_live_tup))
    or pg_catalog.age(c.relfrozenxid) > $5)
  order by s.relid`

const LEAST_PAGES = 10
const CHANGED_ROWS = 50
/** PostgreSQL's autovacuum waits for 0.2. A smaller share makes more vacuums, each of which is shorter. */
const CHANGED_SHARE = 0.1
const OLD_TRANSACTIONS = 100_000_000

/** A backup of a running server has the only session for as long as it takes, and is no reason to fail. */
const NO_LIMIT = 0

/**
 * Vacuums the tables of the embedded database in which many rows are dead or new. PGlite has no autovacuum. Other
 * statements run between two tables.
 *
 * @param all vacuums all tables of the server that have ten pages. PGlite forgets its counts of rows when it ends.
 * @returns the tables that it vacuumed.
 */
export async function vacuumDue(
  { direct }: Pick<Connector, 'direct'>,
  { all = false, signal }: { readonly all?: boolean; readonly signal?: AbortSignal } = {},
): Promise<string[]> {
  const vacuum = async (client: Client) => {
    // PostgreSQL's timer for this does not exist in PGlite. The counts are written at the end of this statement.
    await client.query('select pg_catalog.pg_stat_force_next_flush()')
    const values = [LEAST_PAGES, all, CHANGED_ROWS, CHANGED_SHARE, OLD_TRANSACTIONS]
    const { rows } = await client.query<{ schema: string; name: string }>(DUE, values)
    const vacuumed: string[] = []
    for (const { schema, name } of rows) {
      if (signal?.aborted === true) break
      // Free space is used again. A shorter file would take longer and save little.
      await client.query(`vacuum (truncate off) ${identifier(schema)}.${identifier(name)}`)
      vacuumed.push(`${schema}.${name}`)
    }
    return vacuumed
  }
  return withDirectClient(direct, vacuum, NO_LIMIT)
}
