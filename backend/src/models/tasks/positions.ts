import { type KeySort, SORTS, type Sort, splitPosition } from './sorts.ts'

/** A position in an order, with the texts by which the server compares it as PostgreSQL does. */
export interface Position {
  /** As `joinPosition` writes it. */
  readonly text: string
  readonly id: string
  readonly key: string
  /** Compared before the key. */
  readonly rank: string
}

/** First and last code units of surrogates, which stand for the code points after all others. */
const SURROGATES = 0xd800
const AFTER_SURROGATES = 0xe000
const CODE_UNITS = 0x10000

/** A number that orders code units as the code points that they are a part of. */
function weight(unit: number): number {
  return unit >= SURROGATES && unit < AFTER_SURROGATES ? unit + CODE_UNITS : unit
}

/** Compares two texts by their code points, as the collation `C` does for UTF-8. JavaScript compares code units. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const [unitOfA, unitOfB] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (unitOfA !== unitOfB) return weight(unitOfA) - weight(unitOfB)
  }
  return a.length - b.length
}

function compare({ direction }: Sort, a: Position, b: Position): number {
  // Tasks without a value come last in both directions.
  if (a.key === '' || b.key === '') {
    return Number(a.key === '') - Number(b.key === '') || compareCodePoints(a.id, b.id)
  }
  const values = compareCodePoints(a.rank, b.rank) || compareCodePoints(a.key, b.key)
  return (direction === 'asc' ? values : -values) || compareCodePoints(a.id, b.id)
}

/**
 * @param sorted positions in their order.
 * @param texts others, also in their order.
 * @returns the first `most` of both.
 */
export function mergePositions(
  name: KeySort,
  sorted: readonly Position[],
  texts: readonly string[],
  most: number,
): Position[] {
  const sort: Sort = SORTS[name]
  const merged: Position[] = []
  let at = 0
  for (const text of texts) {
    if (merged.length >= most) break
    const { id, key } = splitPosition(text)
    const position = { text, id, key, rank: sort.rank?.(key) ?? '' }
    for (let next = sorted[at]; next && merged.length < most; next = sorted[at]) {
      if (compare(sort, next, position) > 0) break
      merged.push(next)
      at += 1
    }
    if (merged.length < most) merged.push(position)
  }
  return merged.concat(sorted.slice(at, at + most - merged.length))
}
