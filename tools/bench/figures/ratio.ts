/** A figure measured several times. */
export interface Spread {
  readonly median: number
  /**
   * The median lies between these with 94 % certainty or more from five values on: the least and the
   * most of up to eight values, the second least and the second most of more (sign test).
   */
  readonly from: number
  readonly to: number
}

/** Rounds in which noise fell on one side alone say little: above this, nothing is concluded. */
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

/** The ratio of two figures, round by round: the rounds of both were measured in turn. */
export function ratio(ours: readonly number[], others: readonly number[]): Spread {
  if (ours.length !== others.length) throw new Error('the rounds do not pair')
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
