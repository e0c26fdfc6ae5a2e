import type { Progress } from '../database/backup/write-backup.ts'

const EVERY_MS = 2_000

/** @returns a callback that prints on standard error, every two seconds, how far a long command is. */
export function reportProgress(verb: string): Progress {
  let printedMs = performance.now()
  return (table, rows) => {
    if (performance.now() - printedMs < EVERY_MS) return
    printedMs = performance.now()
    console.error(`${verb} ${table}: ${rows} rows`)
  }
}

/** @returns the rows of each table, one a line, and their sum. */
export function describeCounts(byTable: ReadonlyMap<string, number>): string {
  const lines = [...byTable].map(([table, rows]) => `  ${table}: ${rows}`)
  return lines.join('\n')
}
