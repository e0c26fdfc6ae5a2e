import type { Measurement } from '../figures/measure.ts'
import { isTooWide, ratio, type Spread, spread } from '../figures/ratio.ts'
import type { Standing } from '../runs/compare.ts'
import { DRIZZLE, FASTAPI, FLOOR, NO_WALL, OURS } from '../servers/contestants.ts'
import type { Comparison, Report } from './report.ts'

/** A target, and the measured value. */
export interface Target {
  readonly what: string
  readonly value: Spread
  readonly atMost?: number
  readonly atLeast?: number
  readonly unit: string
}

export type Verdict = 'reached' | 'missed' | 'not certain' | 'not measured'

/** @returns a certain verdict only if the whole interval of the median lies on one side of the target. */
export function verdict({ value: { from, to, median }, atMost, atLeast }: Target): Verdict {
  if (Number.isNaN(median)) return 'not measured'
  const [worst, best] = atMost !== undefined ? [to, from] : [-from, -to]
  const bound = atMost ?? -(atLeast ?? Number.NaN)
  if (worst <= bound) return 'reached'
  if (best > bound) return 'missed'
  return 'not certain'
}

export type Figure = (measurement: Measurement) => number

export const serverCpu: Figure = ({ serverCpuUs }) => serverCpuUs
export const databaseCpu: Figure = ({ databaseCpuUs }) => databaseCpuUs ?? Number.NaN
export const rate: Figure = ({ requestsPerSecond }) => requestsPerSecond

/** @returns the ratio of two servers per round; undefined if one is missing. */
export function compared(
  { standings }: Comparison,
  ours: string,
  others: string,
  figure: Figure,
): Spread | undefined {
  const [a, b] = [ours, others].map((name) => standings.find((one) => one.name === name))
  return a && b && ratio(a.rounds.map(figure), b.rounds.map(figure))
}

/** The targets per kind of work: CPU time relative to the floor, requests/s relative to the peers. */
const BY_WORK: Record<string, { floor: number; drizzle: number; fastapi: number }> = {
  'GET one': { floor: 1.35, drizzle: 2.2, fastapi: 20 },
  'list 50': { floor: 1.25, drizzle: 2.5, fastapi: 35 },
  create: { floor: 1.4, drizzle: 1.5, fastapi: 8 },
  update: { floor: 1.4, drizzle: 1.5, fastapi: 8 },
  toggle: { floor: 1.4, drizzle: 1.5, fastapi: 8 },
}
const WALL = 1.2
const GROWTH = 1.15
const MEGABYTE = 1e6

export function targets(report: Report): Target[] {
  const { startUps, longList, liveness, embedded } = report
  const one = (value: number): Spread => ({ median: value, from: value, to: value })
  return [
    ...report.comparisons.flatMap(byWork),
    ...report.comparisons.filter(({ title }) => title in BY_WORK).flatMap(wall),
    ...report.growth.flatMap(growth),
    ...[
      {
        what: `list of ${longList.tasks} tasks: first byte ÷ that of 50`,
        value: longList.firstByte,
        atMost: 2,
        unit: '',
      },
      {
        what: `list of ${longList.tasks} tasks: memory grows`,
        value: one(longList.growthBytes / MEGABYTE),
        atMost: 48,
        unit: 'MB',
      },
      {
        what: `list of ${longList.tasks} tasks: others’ p99 ÷ its quiet value`,
        value: longList.othersP99,
        atMost: 3,
        unit: '',
      },
      {
        what: 'memory at most under load',
        value: one((report.memory[OURS]?.after.peakRssBytes ?? Number.NaN) / MEGABYTE),
        atMost: 180,
        unit: 'MB',
      },
      {
        what: 'memory idle',
        value: one(startUps.postgresql.idleRssBytes / MEGABYTE),
        atMost: 110,
        unit: 'MB',
      },
      {
        what: 'start with PostgreSQL',
        value: one(startUps.postgresql.readyMs),
        atMost: 700,
        unit: 'ms',
      },
      {
        what: 'start with the embedded database',
        value: one(startUps.embedded.readyMs),
        atMost: 1_500,
        unit: 'ms',
      },
      ...embedded.flatMap(embeddedRate),
      {
        what: `embedded: /livez p99 during a statement of ${(liveness.statementMs / 1_000).toFixed(1)} s`,
        value: one(liveness.p99Ms),
        atMost: 50,
        unit: 'ms',
      },
    ],
  ]
}

function byWork(comparison: Comparison): Target[] {
  const bounds = BY_WORK[comparison.title]
  if (bounds === undefined) return []
  const floor = compared(comparison, OURS, FLOOR, serverCpu)
  const drizzle = compared(comparison, OURS, DRIZZLE, rate)
  const fastapi = compared(comparison, OURS, FASTAPI, rate)
  const { title } = comparison
  return [
    floor && {
      what: `${title}: server CPU ÷ the floor’s`,
      value: floor,
      atMost: bounds.floor,
      unit: '',
    },
    drizzle && {
      what: `${title}: requests/s ÷ ${DRIZZLE}’s`,
      value: drizzle,
      atLeast: bounds.drizzle,
      unit: '',
    },
    fastapi && {
      what: `${title}: requests/s ÷ ${FASTAPI}’s`,
      value: fastapi,
      atLeast: bounds.fastapi,
      unit: '',
    },
  ].filter((target) => target !== undefined)
}

function wall(comparison: Comparison): Target[] {
  return (
    [
      ['server', serverCpu],
      ['database', databaseCpu],
    ] as const
  ).flatMap(([whose, figure]) => {
    const value = compared(comparison, OURS, NO_WALL, figure)
    const what = `${comparison.title}: ${whose} CPU ÷ without the database’s wall`
    return value ? [{ what, value, atMost: WALL, unit: '' }] : []
  })
}

function growth({ title, standings: [small, large] }: Comparison): Target[] {
  if (small === undefined || large === undefined) return []
  return (
    [
      ['server', serverCpu],
      ['database', databaseCpu],
    ] as const
  ).map(([whose, figure]) => ({
    what: `${title}: ${whose} CPU, large ÷ small database`,
    value: ratio(large.rounds.map(figure), small.rounds.map(figure)),
    atMost: GROWTH,
    unit: '',
  }))
}

const EMBEDDED_RATES: Record<string, number> = { 'GET one': 2_000, create: 800 }

function embeddedRate({ title, standings }: Comparison): Target[] {
  const atLeast = EMBEDDED_RATES[title]
  const rounds: Standing['rounds'] = standings[0]?.rounds ?? []
  if (atLeast === undefined) return []
  return [
    { what: `embedded: ${title}`, value: spread(rounds.map(rate)), atLeast, unit: 'requests/s' },
  ]
}

/** @returns the comparisons whose rounds differ so much that they are inconclusive. */
export function noisy(report: Report): string[] {
  return [...report.comparisons, ...report.growth, ...report.processes]
    .filter(({ standings: [first, ...others] }) =>
      others.some((other) =>
        [serverCpu, rate].some(
          (figure) =>
            first !== undefined &&
            isTooWide(ratio(first.rounds.map(figure), other.rounds.map(figure))),
        ),
      ),
    )
    .map(({ title }) => title)
}
