/** A figure measured several times. */
export interface Spread {
  readonly median: number
  /**
   * With five or more values, the median lies between these two with at least 94 % certainty (sign test).
   * They are the minimum and the maximum of up to eight values, and the second ones of more.
   */
  readonly from: number
  readonly to: number
}

/** If the interval is wider than this, noise has affected one side only, and the ratio is inconclusive. */
const TOO_WIDE = 1.5

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const outlying = sorted.length < 9 ? 0 : 1
  return {
    median: median(sorted),
    from: sorted[outlying] ?? Number.NaN,
    to: sorted.at(-1 - outlying) ?? Number.NaN,
  }
}

/** @returns the ratio of two figures per round. Their rounds were measured alternately. */
export function ratio(ours: readonly number[], others: readonly number[]): Spread {
  if (ours.length !== others.length)
    throw new Error('The two figures have different numbers of rounds')
  return spread(ours.map((value, at) => value / (others[at] ?? Number.NaN)))
}

export function isTooWide({ from, to }: Spread): boolean {
  return !(to / from <= TOO_WIDE)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.floor(middle)],
    sorted[Math.ceil(middle)],
  ]
  return (low + high) / 2
}
