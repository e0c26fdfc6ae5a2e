/** How much is measured, and so how long it takes. */
export interface Effort {
  readonly name: 'full' | 'quick'
  /** Turns of each server with each kind of work. */
  readonly rounds: number
  /** Turns where there are two servers. */
  readonly pairRounds: number
  /** Turns where one server is looked at by itself. */
  readonly soloRounds: number
  /** Of load in a turn; whole seconds. */
  readonly seconds: number
  /** Of load before the first turn. */
  readonly warmUpSeconds: number
  /** Starts of the server that are timed. */
  readonly starts: number
}

export const FULL: Effort = {
  name: 'full',
  rounds: 7,
  pairRounds: 7,
  soloRounds: 3,
  seconds: 2,
  warmUpSeconds: 4,
  starts: 5,
}

export const QUICK: Effort = {
  name: 'quick',
  rounds: 3,
  pairRounds: 2,
  soloRounds: 1,
  seconds: 1,
  warmUpSeconds: 1,
  starts: 1,
}
