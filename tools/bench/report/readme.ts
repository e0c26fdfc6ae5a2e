import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { median, type Spread } from '../figures/ratio.ts'
import { DRIZZLE, FASTAPI, FLOOR, NO_WALL, OURS } from '../servers/contestants.ts'
import type { SignInsReport } from '../sign-ins/report.ts'
import { RESULTS } from './publish.ts'
import type { Comparison, Report } from './report.ts'
import { surroundingsLine } from './surroundings.ts'
import { compared, databaseCpu, rate, serverCpu, targets, verdict } from './targets.ts'
import { count, megabytes, number, range, table } from './text.ts'

const README = new URL('../../../README.md', import.meta.url)
const SECTION = /^## How fast\n.*?(?=^## )/ms

/** The README with its section "How fast" as the published results say. */
export function renewed(readme: string): string {
  if (!SECTION.test(readme)) throw new Error('README.md has no section "How fast"')
  return readme.replace(SECTION, () => section(read('full.json'), read('sign-ins.json')))
}

export function readReadme(): string {
  return readFileSync(README, 'utf8')
}

/** Renews the section "How fast" of the README from the published results. */
export function writeReadme(): void {
  writeFileSync(README, renewed(readReadme()))
}

function read<Result>(name: string): Result {
  const file = new URL(name, RESULTS)
  if (!existsSync(file))
    throw new Error(`tools/bench/results/${name} is missing: run npm run bench`)
  return JSON.parse(readFileSync(file, 'utf8'))
}

function section(report: Report, signIns: SignInsReport): string {
  const { effort, load, memory, longList, liveness, startUps } = report
  const ours = memory[OURS]
  return `## How fast

<!-- Written by \`npm run bench\` from its results; the words are in tools/bench/report/readme.ts. -->

![Requests a second of this server and others](tools/bench/results/full.svg)

${surroundingsLine(report, report.peers)} · ${load.tool}, ${load.connections} connections · medians of ${effort.rounds} turns

${workTable(report)}

The floor is bare \`node:http\` and pg in pipeline mode, as it comes, with the same statements: no tokens,
no users, no checks, no limits, no log. This server has all of that. ${DRIZZLE} is what a
TypeScript team would write: tokens, checks, row level security and a log, no limits. ${FASTAPI}
has tokens and checks alone. In brackets is what the
ratio may be; ${uncertain(report)}

- With the database's wall, its scope and policies, a request takes ${wall(report, serverCpu)} the server CPU and ${wall(report, databaseCpu)} the database CPU that it takes without, by kind of work.
- Reading from a user with 100 000 tasks among a million takes ${ratios(report.growth, 'large', 'small', serverCpu)} the server CPU and ${ratios(report.growth, 'large', 'small', databaseCpu)} the database CPU of 50 tasks among 50 000.
- The whole list of ${count(longList.tasks)} tasks begins after ${number(longList.firstByteMs.median)} ms and takes ${number(longList.seconds.median)} s; the server's memory grows by ${megabytes(longList.growthBytes)}, and other users' p99 is ${range(longList.othersP99)} times its quiet value.
- In memory: ${megabytes(startUps.postgresql.idleRssBytes)} idle, ${megabytes(ours?.after.peakRssBytes ?? null)} at most under load; embedded ${megabytes(startUps.embedded.idleRssBytes)} and ${megabytes(report.embeddedMemory.after.peakRssBytes)}. About 40 MB more once accounts are used.
- A later start answers after ${seconds(startUps.postgresql.readyMs)} s with PostgreSQL, ${seconds(startUps.embedded.readyMs)} s embedded.
- Embedded: ${embeddedRates(report.embedded)} a second. While one statement runs for ${number(liveness.statementMs / 1_000)} s, the p99 of \`/livez\` is ${number(liveness.p99Ms)} ms.
- ${processes(report)}
- While ${signIns.rounds[0]?.signIns.count} people sign in at once, the p99 of task requests is ${range({ median: signIns.ratio.median, from: signIns.ratio.least, to: signIns.ratio.most })} times its quiet value (\`npm run bench:sign-ins\`). The first sign-in after a start loads Better Auth; a task request waited ${seconds(signIns.firstSignIn.tasks.maxMs)} s for that.

\`npm run bench\` measures all of it on your machine in about 12 minutes, \`npm run bench -- --quick\` in 3,
with a PostgreSQL of its own. [The results](tools/bench/results/full.md) have the rest, and what is missed;
[those of the sign-ins](tools/bench/results/sign-ins.md) too. Ratios travel from one machine to another, rates
do not.

`
}

function workTable(report: Report): string {
  const beside = (value: Spread | undefined) => (value ? range(value) : '')
  const rows = report.comparisons.map((comparison) => {
    const ours = comparison.standings.find(({ name }) => name === OURS)?.rounds ?? []
    return [
      comparison.title,
      count(median(ours.map(rate))),
      `${number(median(ours.map(serverCpu)))} µs`,
      beside(compared(comparison, OURS, FLOOR, serverCpu)),
      beside(compared(comparison, OURS, DRIZZLE, rate)),
      beside(compared(comparison, OURS, FASTAPI, rate)),
    ]
  })
  const head = [
    '',
    'requests/s',
    'server CPU a request',
    'CPU ÷ the floor’s',
    `requests/s ÷ ${DRIZZLE}’s`,
    `÷ ${FASTAPI}’s`,
  ]
  return table(head, rows)
}

function uncertain(report: Report): string {
  const all = targets(report).map((target) => verdict(target))
  const amount = (what: string) => all.filter((one) => one === what).length
  return `of ${all.length} aims ${amount('reached')} are reached, ${amount('missed')} missed, and for ${amount('not certain')} the machine was too noisy to say.`
}

function wall({ comparisons }: Report, figure: typeof serverCpu): string {
  return ratios(comparisons, OURS, NO_WALL, figure)
}

/** The least and the most of the medians. */
function ratios(
  comparisons: readonly Comparison[],
  one: string,
  other: string,
  figure: typeof serverCpu,
): string {
  const values = comparisons.flatMap((comparison) => {
    const value = compared(comparison, one, other, figure)
    return value ? [value.median] : []
  })
  return `${number(Math.min(...values))} to ${number(Math.max(...values))} times`
}

function embeddedRates(comparisons: readonly Comparison[]): string {
  return comparisons
    .map(
      ({ title, standings }) => `${title} ${count(median((standings[0]?.rounds ?? []).map(rate)))}`,
    )
    .join(', ')
}

function processes({ processes: comparisons }: Report): string {
  const [first, second] = comparisons[0]?.standings ?? []
  const words = comparisons.map((comparison) => {
    const value = first && second && compared(comparison, second.name, first.name, rate)
    return `${value ? range(value) : '?'} times (${comparison.title})`
  })
  return `\`WEB_CONCURRENCY=2\` on these cores, which load and database need as well: ${words.join(', ')} the requests of one process. It is for machines with more.`
}

const seconds = (ms: number) => number(ms / 1_000)
