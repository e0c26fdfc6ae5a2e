import type { Client } from 'pg'

/** Rows that are in memory at once. */
const FETCHED = 500

/**
 * Reads the rows of a query through a cursor, in the current transaction.
 *
 * @param query selects one column `line`, a row as JSON text.
 * @returns up to 500 rows at a time.
 */
export async function* jsonRows(client: Client, query: string): AsyncGenerator<string[]> {
  await client.query(`declare lines no scroll cursor for ${query}`)
  for (;;) {
    const { rows } = await client.query<{ line: string }>(`fetch ${FETCHED} from lines`)
    if (rows.length === 0) break
    yield rows.map(({ line }) => line)
  }
  await client.query('close lines')
}
