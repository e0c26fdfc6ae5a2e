import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { Client } from 'pg'
import { beginSnapshot, identifier } from '../direct.ts'
import { readHistory } from '../migrate/history.ts'
import { actAsKnownOwner } from '../migrate/owner.ts'
import { FORMAT, FORMAT_VERSION, type Footer, type Header } from './format.ts'
import { jsonRows } from './json-rows.ts'
import { readTables, refuseHiddenRows, type Table } from './tables.ts'

/** The rows that a backup contains, or that a restore has inserted. */
export interface Counts {
  readonly rows: number
  readonly byTable: ReadonlyMap<string, number>
}

/** @param byTable the number of rows of each table. */
export function countsOf(byTable: ReadonlyMap<string, number>): Counts {
  return { rows: [...byTable.values()].reduce((sum, count) => sum + count, 0), byTable }
}

/** Is called for every table with the number of its rows so far. */
export type Progress = (table: string, rows: number) => void

/**
 * Writes a consistent snapshot of the whole database, while the server serves. The transaction reads all
 * users' rows: a policy allows that to the owner of the tables, if it sets `todo.backup`.
 *
 * @param output takes the bytes of the format, not compressed; see format.ts.
 */
export async function writeBackup(
  client: Client,
  output: Writable,
  progress: Progress,
): Promise<Counts> {
  const hash = createHash('sha256')
  const write = async (text: string) => {
    if (output.destroyed) throw output.errored ?? new Error('The output is closed')
    hash.update(text)
    if (!output.write(text)) await once(output, 'drain')
  }
  const line = (value: unknown) => write(`${JSON.stringify(value)}\n`)
  await beginSnapshot(client)
  try {
    await actAsKnownOwner(client)
    await client.query(`set local todo.backup = 'on'`)
    await client.query(`set local timezone = 'UTC'`)
    await client.query(`set local datestyle = 'ISO'`)
    const tables = await readTables(client)
    await refuseHiddenRows(client)
    await line(await headerOf(client, tables))
    const byTable = new Map<string, number>()
    for (const table of tables) {
      const { name } = table
      await line({ table: name })
      let rows = 0
      for await (const text of rowsOf(client, table)) {
        await write(text.map((row) => `${row}\n`).join(''))
        rows += text.length
        progress(name, rows)
      }
      await line({ end: name, rows })
      byTable.set(name, rows)
    }
    const counts = countsOf(byTable)
    const footer: Footer = { end: FORMAT, rows: counts.rows, sha256: hash.digest('hex') }
    output.write(`${JSON.stringify(footer)}\n`)
    await client.query('commit')
    return counts
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function headerOf(client: Client, tables: readonly Table[]): Promise<Header> {
  const { rows } = await client.query<{ at: string }>(
    `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`,
  )
  return {
    format: FORMAT,
    version: FORMAT_VERSION,
    taken_at: rows[0]?.at ?? '',
    migrations: (await readHistory(client)).map(({ name }) => name),
    tables: tables.map(({ name, columns, userColumn }) => ({
      table: name,
      columns,
      user_column: userColumn,
    })),
  }
}

/** A user's rows stand together, so that a restore sets the user once for all of them. */
function rowsOf(client: Client, { sql, columns, userColumn }: Table): AsyncGenerator<string[]> {
  const order = userColumn === null ? '' : `order by ${identifier(userColumn)}`
  return jsonRows(
    client,
    `select row_to_json(line)::text as line from (
       select ${columns.map(identifier).join(', ')} from ${sql} ${order}
     ) line`,
  )
}
