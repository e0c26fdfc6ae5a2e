import { median } from '../figures/ratio.ts'
import type { Standing } from '../runs/compare.ts'
import { DRIZZLE, FASTAPI, FLOOR, NO_WALL, OURS } from '../servers/contestants.ts'
import type { Comparison, Report } from './report.ts'
import { surroundingsLine } from './surroundings.ts'
import {
  compared,
  databaseCpu,
  type Figure,
  noisy,
  rate,
  serverCpu,
  type Target,
  targets,
  verdict,
} from './targets.ts'
import { count, megabytes, number, range, table } from './text.ts'

/** @returns the whole report as Markdown. */
export function toMarkdown(report: Report): string {
  const { effort, load, seeded, peers, missing } = report
  const parts = [
    '# How fast',
    `${load.connections} keep-alive connections, each with one request in progress, made by ${load.tool} in a process of its own. ${seeded.small}; tokens of 500 of them. At this server every request has its token checked, is limited by its user, and leaves a line in a log; what the others do is said below. PostgreSQL is as it comes, but for autovacuum, which is off: tables are vacuumed between turns.`,
    surroundingsLine(report, peers),
    `Servers take turns: ${effort.rounds} turns of ${effort.seconds} s each for each kind of work. A figure is the median of the turns. A ratio is the median of the ratios within each turn; behind it, in brackets, is where that median lies with some certainty (${effort.rounds >= 9 ? 'the second least to the second most' : 'the least to the most'} of ${effort.rounds}). CPU is user and system time per request: of the server from its own process, of the database from its sessions.${effort.rounds < 5 ? ' With so few turns a verdict is a hint.' : ''}`,
    ...missing,
    ...noise(report),
    targetTable(report),
    '## Every kind of work',
    ...report.comparisons.map((comparison) => comparisonTable(comparison)),
    servers(),
    '## Memory',
    memoryTable(report),
    '## Growth',
    `The same requests with ${seeded.small}, and with ${seeded.large}, who is the one that asks.`,
    ...report.growth.map((comparison) => pairTable(comparison)),
    longList(report),
    '## Several processes',
    'One process, and as many as `WEB_CONCURRENCY` says, on the same cores, which the load and PostgreSQL need as well. CPU is that of all processes together.',
    ...report.processes.map((comparison) => pairTable(comparison)),
    onPaper(report),
    '## The embedded database',
    embedded(report),
  ]
  return `${parts.join('\n\n')}\n`
}

function noise(report: Report): string[] {
  const titles = noisy(report)
  if (titles.length === 0) return []
  return [
    `**The machine was too noisy for** ${titles.join(', ')}: there the turns differ so much from each other that nothing should be concluded.`,
  ]
}

function targetTable(report: Report): string {
  const rows = targets(report).map((target) => [
    target.what,
    [range(target.value), target.unit].join(' ').trim(),
    bound(target),
    verdict(target),
  ])
  return `## What it is to reach\n\n${table(['', 'measured', 'to reach', ''], rows)}`
}

function bound({ atMost, atLeast, unit }: Target): string {
  return `${atMost === undefined ? '≥' : '≤'} ${atMost ?? atLeast} ${unit}`.trim()
}

const middle = ({ rounds }: Standing, figure: Figure) => median(rounds.map(figure))

function figures(standing: Standing): string[] {
  const database = middle(standing, databaseCpu)
  return [
    `${number(middle(standing, serverCpu))} µs`,
    ...(Number.isNaN(database) ? [] : [`${number(database)} µs`]),
    count(middle(standing, rate)),
    `${number(middle(standing, ({ p50Ms }) => p50Ms))} ms`,
    `${number(middle(standing, ({ p99Ms }) => p99Ms))} ms`,
  ]
}

const FIGURES = ['server CPU', 'database CPU', 'requests/s', 'p50', 'p99']

function comparisonTable(comparison: Comparison): string {
  const { title, standings } = comparison
  const rows = standings.map((standing) => {
    const cpu = compared(comparison, standing.name, FLOOR, serverCpu)
    const ours = compared(comparison, OURS, standing.name, rate)
    return [
      standing.name,
      ...figures(standing),
      standing.name === FLOOR || cpu === undefined ? '1' : range(cpu),
      standing.name === OURS || ours === undefined ? '1' : range(ours),
    ]
  })
  const head = ['', ...FIGURES, 'server CPU ÷ the floor’s', 'this server’s requests/s ÷ its']
  return `### ${title}\n\n${table(head, rows)}`
}

/** A table of two servers, and the ratio of the second to the first. */
function pairTable(comparison: Comparison): string {
  const { title, standings } = comparison
  const [first] = standings
  const rows = standings.map((standing) => {
    const beside = (figure: Figure) => {
      const value = first && compared(comparison, standing.name, first.name, figure)
      return value === undefined || standing === first ? '1' : range(value)
    }
    return [
      standing.name,
      ...figures(standing),
      beside(serverCpu),
      beside(databaseCpu),
      beside(rate),
    ]
  })
  const head = ['', ...FIGURES, 'ratio of server CPU', 'of database CPU', 'of requests/s']
  return `### ${title}\n\n${table(head, rows)}`
}

function servers(): string {
  return `- **${OURS}**: as \`npm start\` serves in production.
- **${NO_WALL}**: the same app; its statements run as a superuser, with no scope before them.
- **${FLOOR}**: bare \`node:http\` and pg in pipeline mode as it comes with the same statements. No token, no owner, no row level security, no checks, no limit, no log.
- **${DRIZZLE}**: what a TypeScript team would write: Fastify with schemas, @fastify/jwt, Drizzle on pg’s pool, row level security in a transaction that is awaited, a line in a log. No limit.
- **${FASTAPI}**: the stack of the first plan: FastAPI, SQLModel on psycopg2, python-jose, uvicorn in one process. No row level security, no limit, no log.`
}

function memoryTable({ memory, embeddedMemory }: Report): string {
  const all = Object.entries({ ...memory, 'this server, embedded': embeddedMemory })
  const rows = all.map(([name, { idle, after }]) => [
    name,
    megabytes(idle.rssBytes),
    megabytes(after.peakRssBytes),
  ])
  return `${table(['resident set', 'before any load', 'at its most, under load'], rows)}`
}

function longList({ longList: list }: Report): string {
  return `### The whole list of ${count(list.tasks)} tasks

${table(
  ['', ''],
  [
    ['until the first byte', `${range(list.firstByteMs)} ms`],
    ['… beside a list of 50 tasks', range(list.firstByte)],
    ['until the last', `${range(list.seconds)} s`],
    ['memory grows by', megabytes(list.growthBytes)],
    ['other users’ p99, beside its quiet value', range(list.othersP99)],
  ],
)}`
}

/** Estimates the throughput on other numbers of cores from the CPU time per request. */
function onPaper({ comparisons }: Report): string {
  const rows = comparisons.flatMap(({ title, standings }) => {
    const ours = standings.find(({ name }) => name === OURS)
    if (ours === undefined) return []
    const [server, database] = [middle(ours, serverCpu), middle(ours, databaseCpu)]
    const cells = [1e6 / server, 1e6 / database, (8 * 1e6) / (server + database)]
    return [[title, ...cells.map(count)]]
  })
  const head = ['requests/s', 'a core of servers', 'a core of PostgreSQL', '8 cores for both']
  return `On paper, from the CPU that a request takes of each above, with the load from elsewhere and as many processes as cores for servers. Nothing else, locks and memory for two, is in it.\n\n${table(head, rows)}`
}

function embedded({ embedded: comparisons, liveness, startUps }: Report): string {
  const rows = comparisons.flatMap(({ title, standings }) =>
    standings.map((standing) => [title, ...figures(standing)]),
  )
  const starts = [
    ['PostgreSQL', startUps.postgresql],
    ['the embedded database', startUps.embedded],
  ] as const
  return `${table(['', ...FIGURES.filter((name) => name !== 'database CPU')], rows)}

The server's CPU is that of the database, too.

While one statement was at work for ${number(liveness.statementMs / 1_000)} s, ${liveness.asked} requests of \`/livez\` were answered, the p99 after ${number(liveness.p99Ms)} ms.

## Starts

${table(
  ['a start, later than the first', 'until /readyz is 200', 'memory, idle'],
  starts.map(([name, { readyMs, idleRssBytes }]) => [
    name,
    `${readyMs.toFixed(0)} ms`,
    megabytes(idleRssBytes),
  ]),
)}`
}
