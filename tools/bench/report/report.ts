import type { Memory } from '../figures/process-usage.ts'
import type { Standing } from '../runs/compare.ts'
import type { Liveness } from '../runs/liveness.ts'
import type { LongList } from '../runs/long-list.ts'
import type { StartUp } from '../runs/start-up.ts'
import type { Surroundings } from './surroundings.ts'

/** One kind of work, by several servers. */
export interface Comparison {
  readonly title: string
  readonly standings: readonly Standing[]
}

/** All that `npm run bench` measures; everything else is derived from it. */
export interface Report extends Surroundings {
  readonly effort: { readonly name: string; readonly rounds: number; readonly seconds: number }
  /** What made the load, and how many connections it kept. */
  readonly load: { readonly tool: string; readonly connections: number }
  /** What the small database holds, and the large one. */
  readonly seeded: { readonly small: string; readonly large: string }
  /** Name and version of what the other servers run on. */
  readonly peers: readonly string[]
  /** A line for each server that is left out. */
  readonly missing: readonly string[]
  /** On PostgreSQL, every server with every kind of work. */
  readonly comparisons: readonly Comparison[]
  /** Before any load and at its most, after all of it, by the name of the server. */
  readonly memory: Readonly<Record<string, { readonly idle: Memory; readonly after: Memory }>>
  /** The same requests in the small database and in the large one. */
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
