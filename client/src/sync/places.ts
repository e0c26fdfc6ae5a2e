import type { Place, Task } from '../task.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

type Placed = Pick<Task, 'id' | 'position'>

/** The manual order of all tasks that are shown. */
export class Places {
  readonly #order: Placed[]

  constructor(tasks: Iterable<Placed>) {
    this.#order = [...tasks].sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /** @returns the place of a task, to move it back there. */
  of(id: string): Place {
    const previous = this.#order[this.#at(id) - 1]
    return previous ? { after: previous.id } : { to: 'top' }
  }

  /** Puts a task at a place. @returns the position by which it is shown there. */
  put(id: string, place: Place): string {
    this.remove(id)
    const order = this.#order
    let index = 0
    if ('before' in place) index = Math.max(0, this.#at(place.before))
    else if ('after' in place) index = this.#at(place.after) + 1
    else if (place.to === 'bottom') index = order.length
    const position = between(order[index - 1]?.position ?? '', order[index]?.position ?? '')
    order.splice(index, 0, { id, position })
    return position
  }

  #at(id: string): number {
    return this.#order.findIndex((task) => task.id === id)
  }

  remove(id: string): void {
    const index = this.#at(id)
    if (index >= 0) this.#order.splice(index, 1)
  }
}

/** Ids order tasks at the same position. */
function isBefore(a: Placed, b: Placed): boolean {
  return a.position < b.position || (a.position === b.position && a.id < b.id)
}

/**
 * A key between two positions, by which a new or moved task is shown until the server places it.
 *
 * @param low an empty string for the beginning.
 * @param high an empty string for the end.
 */
function between(low: string, high: string): string {
  // Positions of several tasks may be equal. Ids order these, which no key can show.
  if (high !== '' && low >= high) return `${low}V`
  let key = ''
  for (let at = 0; ; at += 1) {
    const from = DIGITS.indexOf(low[at] ?? '0')
    const isOpen = high === '' || !high.startsWith(key)
    const to = isOpen ? DIGITS.length : DIGITS.indexOf(high[at] ?? '0')
    if (to - from > 1) return key + DIGITS[(from + to) >> 1]
    // Nothing sorts before a key of zeros alone.
    if (!isOpen && at >= high.length) return key
    key += DIGITS[from]
  }
}
