import { ratio, type Spread, spread } from '../figures/ratio.ts'
import { type Surroundings, surroundingsLine } from '../report/surroundings.ts'
import { type Target, verdict } from '../report/targets.ts'
import { count, number, range, table } from '../report/text.ts'
import { FEATURES } from './features.ts'

/** One measurement of a feature. CPU is user and system time, in microseconds per request. */
export interface Round {
  readonly serverCpuUs: number
  /** The CPU time of all processes of PostgreSQL; null for the embedded database. */
  readonly databaseCpuUs: number | null
  readonly p50Ms: number
  /** The number of responses. */
  readonly requests: number
}

export interface Standing {
  readonly title: string
  readonly rounds: readonly Round[]
}

/** A search that takes longer ends with its next page. */
export const LONGEST_SEARCH_MS = 3_000

export interface SearchRound {
  /** The median time of a search of all tasks, while others send requests, up to {@link LONGEST_SEARCH_MS}. */
  readonly searchMs: number
  /** The p99 of others' requests before the searches; null if one of the requests failed. */
  readonly quietP99Ms: number | null
  /** The same beside them. */
  readonly besideP99Ms: number | null
}

/** The measurements on one kind of database. */
export interface OnDatabase {
  readonly name: string
  readonly features: readonly Standing[]
  /** By the name of the search. */
  readonly searches: readonly { readonly title: string; readonly rounds: readonly SearchRound[] }[]
}

export interface TaskFeaturesReport extends Surroundings {
  /** The data and the load in some sentences. */
  readonly load: string
  /** The load average of the machine over one minute, before and after. */
  readonly loadAverages: readonly number[]
  /** The number of tasks that a search examines. */
  readonly searched: number
  readonly databases: readonly OnDatabase[]
}

const totalUs = ({ serverCpuUs, databaseCpuUs }: Round) => serverCpuUs + (databaseCpuUs ?? 0)

/** The ratios of a feature to its measure, per round. */
export interface Ratios {
  readonly title: string
  readonly beside: string
  readonly serverCpu: Spread
  /** NaN for the embedded database. */
  readonly databaseCpu: Spread
  /** Of the server and the database together. */
  readonly cpu: Spread
  readonly p50: Spread
  /** The target of {@link Ratios.cpu}, if there is one. */
  readonly target: Target | undefined
}

/** @returns the ratios of every feature that is compared with another one. */
export function ratiosOf({ features }: OnDatabase): Ratios[] {
  return FEATURES.flatMap(({ title, beside, atMost }) => {
    const [own, base] = [title, beside].map((name) => features.find((one) => one.title === name))
    if (beside === undefined || own === undefined || base === undefined) return []
    const by = (figure: (round: Round) => number) =>
      ratio(own.rounds.map(figure), base.rounds.map(figure))
    const cpu = by(totalUs)
    return {
      ...{ title, beside, cpu },
      serverCpu: by(({ serverCpuUs }) => serverCpuUs),
      databaseCpu: by(({ databaseCpuUs }) => databaseCpuUs ?? Number.NaN),
      p50: by(({ p50Ms }) => p50Ms),
      target: atMost === undefined ? undefined : { what: title, value: cpu, atMost, unit: '' },
    }
  })
}

const QUIET = 3
const SEARCH_MS = 80

/** @returns the time of a search, and the ratio of the p99 of others to its value without searches. */
export function searchFigures(rounds: readonly SearchRound[]) {
  return {
    ms: spread(rounds.map(({ searchMs }) => searchMs)),
    // A failed request is infinitely late.
    others: ratio(
      rounds.map(({ besideP99Ms }) => besideP99Ms ?? Number.POSITIVE_INFINITY),
      rounds.map(({ quietP99Ms }) => quietP99Ms ?? 1),
    ),
  }
}

const timeCell = (ms: Spread) =>
  ms.median < LONGEST_SEARCH_MS ? `${range(ms)} ms` : `more than ${LONGEST_SEARCH_MS / 1_000} s`
const othersCell = (value: Spread) =>
  Number.isFinite(value.median) ? range(value) : 'requests of others fail'
const cell = (value: Spread) => (Number.isNaN(value.median) ? '' : range(value))

/** @returns the whole report as Markdown. */
export function toMarkdown(report: TaskFeaturesReport): string {
  const [before = Number.NaN, after = Number.NaN] = report.loadAverages
  return `# The features of tasks

${report.load}

${surroundingsLine(report)} · load average ${number(before)} before, ${number(after)} after

A ratio is the median of the ratios within each round; brackets contain the smallest and the largest. The target is that of the CPU time of server and database together.

${report.databases.map((one) => section(one, report.searched)).join('\n\n')}
`
}

function section(database: OnDatabase, searched: number): string {
  const figures = database.features.map(({ title, rounds }) => [
    title,
    `${number(spread(rounds.map(({ serverCpuUs }) => serverCpuUs)).median)} µs`,
    ...databaseCell(rounds),
    `${number(spread(rounds.map(({ p50Ms }) => p50Ms)).median)} ms`,
  ])
  const databaseName = isEmbedded(database) ? [] : ['database CPU']
  const ratios = ratiosOf(database).map(({ title, beside, target, ...ratios }) => [
    `${title} ÷ ${beside}`,
    ...[cell(ratios.serverCpu)],
    ...(isEmbedded(database) ? [] : [cell(ratios.databaseCpu), cell(ratios.cpu)]),
    cell(ratios.p50),
    ...(target === undefined ? ['', ''] : [`≤ ${target.atMost}`, verdict(target)]),
  ])
  const head = isEmbedded(database) ? [] : ['database CPU', 'CPU together']
  return `## ${database.name}

${table(['', 'server CPU', ...head, 'p50', 'target', ''], ratios)}

${searchTable(database, searched)}

${table(['per request', 'server CPU', ...databaseName, 'p50'], figures)}`
}

const isEmbedded = ({ features }: OnDatabase) => features[0]?.rounds[0]?.databaseCpuUs === null

function databaseCell(rounds: readonly Round[]): string[] {
  const { median } = spread(rounds.map(({ databaseCpuUs }) => databaseCpuUs ?? Number.NaN))
  return Number.isNaN(median) ? [] : [`${number(median)} µs`]
}

function searchTable(database: OnDatabase, searched: number): string {
  const rows = database.searches.map(({ title, rounds }) => {
    const { ms, others } = searchFigures(rounds)
    const inTime = { what: title, value: ms, atMost: SEARCH_MS, unit: 'ms' }
    const quiet = { what: title, value: others, atMost: QUIET, unit: '' }
    return [
      title,
      timeCell(ms),
      isEmbedded(database) ? '' : verdict(inTime),
      othersCell(others),
      verdict(quiet),
    ]
  })
  const head = [
    `nothing found in ${count(searched)} tasks`,
    ...[`time (≤ ${SEARCH_MS} ms)`, '', `p99 of others ÷ quiet (≤ ${QUIET})`, ''],
  ]
  return table(head, rows)
}

const besideOthers = (ratios: Spread) =>
  Number.isFinite(ratios.median)
    ? `and the p99 of others is ${range(ratios)} times its idle value`
    : 'and requests of others fail'

const loadAverage = ({
  loadAverages: [before = Number.NaN, after = Number.NaN],
}: TaskFeaturesReport) =>
  `The load average of the machine was ${number(before)} before and ${number(after)} after.`

/** @returns the section of docs/performance.md. */
export function summary(report: TaskFeaturesReport): string {
  const all = report.databases.map((database) => ratiosOf(database))
  const rows = (all[0] ?? []).map(({ title, beside, target }, at) => [
    `${title} ÷ ${beside}`,
    ...all.map((ratios) => cell(ratios[at]?.cpu ?? spread([]))),
    target === undefined ? '' : `≤ ${target.atMost}`,
  ])
  const searches = report.databases.flatMap(({ name, searches }) =>
    searches.map(({ title, rounds }) => {
      const { ms, others } = searchFigures(rounds)
      return `${name}, ${title}: ${timeCell(ms)}, ${besideOthers(others)}`
    }),
  )
  return `CPU time of server and database together, divided by that of the plain request in the same round. ${report.load} ${loadAverage(report)}

${table(['', ...report.databases.map(({ name }) => name), 'target'], rows)}

A search of ${count(report.searched)} tasks of one user that finds nothing takes, while other users send requests:

${searches.map((line) => `- ${line}.`).join('\n')}
`
}
