import type { Truth } from './check/check.ts'
import type { Load } from './load/load.ts'
import type { ServerProcess } from './server-process.ts'

/** A server, its database, and the programs between them. */
export interface Scene {
  /** The current server process. */
  readonly server: ServerProcess
  /** The largest number of connections to its database. */
  readonly mostSessions: number
  /** A lower rate for a slower database. */
  readonly requestsPerSecond?: number
  /** @returns the number of the server's sessions in its database. */
  sessions(): Promise<number>
  /** Reads the database without the server. @param prefix of the ids of the users to read. */
  truth(prefix: string): Promise<Truth>
  close(): Promise<void>
}

/** A failure that is injected while a server is under load. */
export interface Fault<Place extends Scene = Scene> {
  readonly name: string
  /** One sentence for the table. */
  readonly what: string
  /** Whether it cuts connections of clients, or ends the process of the server. */
  readonly takes?: 'connections' | 'server'
  /**
   * Injects the fault and ends it.
   *
   * @returns a remark for the report.
   * @throws {NotTried} if this machine cannot inject it. @throws {Error} if a promise was broken.
   */
  run(scene: Place, load: Load): Promise<string | undefined>
  /** Whether the creations without a response show that the fault happened at the intended point. */
  readonly leaves?: (unanswered: Unanswered) => boolean
}

/** The creations without a response, and those of them that happened anyway. */
export interface Unanswered {
  readonly creations: number
  readonly done: number
}

/** A fault that cannot be injected on this machine. The message gives the reason. */
export class NotTried extends Error {
  override name = 'NotTried'
}
