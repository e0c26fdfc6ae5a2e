/** The amount of measurement, which determines the duration. */
export interface Effort {
  readonly name: 'full' | 'quick'
  /** Measurements of each server with each kind of work. */
  readonly rounds: number
  /** Measurements in comparisons of two servers. */
  readonly pairRounds: number
  /** Measurements of a single server. */
  readonly soloRounds: number
  /** The duration of a measurement in whole seconds. */
  readonly seconds: number
  /** The duration of load before the first measurement. */
  readonly warmUpSeconds: number
  /** The number of measured starts of the server. */
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
