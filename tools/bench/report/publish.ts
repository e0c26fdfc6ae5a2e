import { mkdirSync, writeFileSync } from 'node:fs'
import { Client } from 'pg'
import { startPostgres } from '../../../scripts/postgres.ts'

/** The folder of the results. */
export const RESULTS = new URL('../results/', import.meta.url)

/**
 * Measures on a new PostgreSQL server, prints the report and writes it to tools/bench/results/.
 *
 * @param name of the two files, one in JSON and one in Markdown.
 * @param measure receives the server's URL and a session of it.
 */
export async function publish<Report>(
  name: string,
  measure: (url: string, database: Client) => Promise<Report>,
  toMarkdown: (report: Report) => string,
): Promise<Report> {
  const postgres = await startPostgres('autovacuum=off')
  const database = new Client({ connectionString: postgres.url })
  try {
    await database.connect()
    const report = await measure(postgres.url, database)
    writeReport(name, report, toMarkdown(report))
    return report
  } finally {
    await database.end()
    await postgres.stop()
  }
}

/** Prints a report, and writes it to tools/bench/results/ in JSON and in Markdown. */
export function writeReport(name: string, report: unknown, markdown: string): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(new URL(`${name}.json`, RESULTS), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(new URL(`${name}.md`, RESULTS), markdown)
  console.log(markdown)
}
