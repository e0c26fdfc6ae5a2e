import type { Standing } from './compare.ts'
import { type Measurement, median } from './measure.ts'
import type { StartUp } from './start-up.ts'

export interface Report {
  /** ISO 8601 */
  readonly date: string
  /** What was asked, in a sentence. */
  readonly load: string
  readonly rounds: number
  readonly machine: { readonly cores: number; readonly model: string; readonly platform: string }
  readonly versions: { readonly node: string; readonly postgresql: string }
  /** The last one is the floor; the others are compared with it, round by round. */
  readonly standings: readonly Standing[]
  readonly startUps: Readonly<Record<string, StartUp>>
}

export function toMarkdown(report: Report): string {
  const { machine, versions, standings, startUps } = report
  const floor = standings.at(-1)?.rounds ?? []
  return `# One task, read

${report.load}

${report.date} · ${machine.cores} × ${machine.model} (${machine.platform}), load and PostgreSQL on the same machine · Node ${versions.node} · PostgreSQL ${versions.postgresql}

CPU is user and system time per request. All figures are medians of ${report.rounds} rounds, the ratio with its least and its most.

${table(
  ['', 'server CPU', 'ratio to the floor', 'PostgreSQL CPU', 'requests/s', 'p50', 'p99', 'memory'],
  standings.map((standing) => row(standing, floor)),
)}

Memory is the resident set, before any load → the most it ever was.

${table(
  ['a start, later than the first', 'until /readyz is 200', 'memory, idle'],
  Object.entries(startUps).map(([name, { readyMs, idleRssBytes }]) => [
    name,
    `${readyMs.toFixed(0)} ms`,
    megabytes(idleRssBytes),
  ]),
)}
`
}

function row({ name, rounds, idle, after }: Standing, floor: readonly Measurement[]): string[] {
  const middle = (of: (round: Measurement) => number) => median(rounds.map(of))
  const ratios = rounds.map((round, at) => {
    return round.serverCpuUs / (floor[at]?.serverCpuUs ?? Number.NaN)
  })
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`
  return [
    name,
    `${middle((round) => round.serverCpuUs).toFixed(1)} µs`,
    rounds === floor ? '1' : `${median(ratios).toFixed(2)} (${range})`,
    `${middle((round) => round.databaseCpuUs).toFixed(1)} µs`,
    middle((round) => round.requestsPerSecond).toFixed(0),
    `${middle((round) => round.p50Ms).toFixed(1)} ms`,
    `${middle((round) => round.p99Ms).toFixed(1)} ms`,
    `${megabytes(idle.rssBytes)} → ${megabytes(after.peakRssBytes)}`,
  ]
}

function megabytes(bytes: number | null): string {
  return bytes === null ? 'unknown' : `${(bytes / 1e6).toFixed(0)} MB`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_name, at) => (at === 0 ? '---' : '---:'))
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
