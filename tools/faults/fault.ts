import type { Truth } from './check/check.ts'
import type { Load } from './load/load.ts'
import type { ServerProcess } from './server-process.ts'

/** A server, its database, and what is between them. */
export interface Scene {
  /** The one that serves now. */
  readonly server: ServerProcess
  /** How many connections to its database there may be. */
  readonly mostSessions: number
  /** Where the database stands less than others do. */
  readonly requestsPerSecond?: number
  /** Sessions of the server at its database. */
  sessions(): Promise<number>
  /** Reads the database without the server. @param prefix of the users to look at. */
  truth(prefix: string): Promise<Truth>
  close(): Promise<void>
}

/** Something that happens to a server under load. */
export interface Fault<Place extends Scene = Scene> {
  readonly name: string
  /** One sentence for the table. */
  readonly what: string
  /** Whether it takes connections of clients, or the process of the server itself. */
  readonly takes?: 'connections' | 'server'
  /**
   * Makes it happen, and ends it.
   *
   * @returns what should be told of it.
   * @throws {NotTried} where it cannot be made. @throws {Error} when it went otherwise than promised.
   */
  run(scene: Place, load: Load): Promise<string | undefined>
  /** Whether tasks whose creation was never answered show that it came where it was meant to. */
  readonly leaves?: (unanswered: Unanswered) => boolean
}

/** Creations without an answer, and those of them that took place all the same. */
export interface Unanswered {
  readonly creations: number
  readonly done: number
}

/** What this machine does not let us try, and why. */
export class NotTried extends Error {
  override name = 'NotTried'
}
