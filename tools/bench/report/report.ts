import type { Memory } from '../figures/process-usage.ts'
import type { Standing } from '../runs/compare.ts'
import type { Liveness } from '../runs/liveness.ts'
import type { LongList } from '../runs/long-list.ts'
import type { StartUp } from '../runs/start-up.ts'
import type { Surroundings } from './surroundings.ts'

/** The measurements of several servers with one kind of work. */
export interface Comparison {
  readonly title: string
  readonly standings: readonly Standing[]
}

/** All measurements of `npm run bench`. The report is derived from them. */
export interface Report extends Surroundings {
  readonly effort: { readonly name: string; readonly rounds: number; readonly seconds: number }
  /** The load generator and its number of connections. */
  readonly load: { readonly tool: string; readonly connections: number }
  /** The contents of the small and the large database. */
  readonly seeded: { readonly small: string; readonly large: string }
  /** The names and versions of the other servers' software. */
  readonly peers: readonly string[]
  /** A line for each omitted server. */
  readonly missing: readonly string[]
  /** On PostgreSQL, every server with every kind of work. */
  readonly comparisons: readonly Comparison[]
  /** The memory before any load, and its maximum after all of it, by the name of the server. */
  readonly memory: Readonly<Record<string, { readonly idle: Memory; readonly after: Memory }>>
  /** The same requests with the small and the large database. */
  readonly growth: readonly Comparison[]
  readonly longList: LongList
  /** One process and several. */
  readonly processes: readonly Comparison[]
  /** This server on the embedded database. */
  readonly embedded: readonly Comparison[]
  readonly embeddedMemory: { readonly idle: Memory; readonly after: Memory }
  readonly liveness: Liveness
  readonly startUps: { readonly postgresql: StartUp; readonly embedded: StartUp }
}
