import { randomBytes } from 'node:crypto'
import { MismatchError } from './errors.ts'
import type { Row } from './session.ts'

/** Of this process: behind one pooler, two processes never use the same number. */
const PROCESS = randomBytes(6).toString('base64url')
let lastRequest = 0

/** Names one request to the database, on whichever connection it goes. */
export function requestNumber(): string {
  lastRequest += 1
  return `${PROCESS}${lastRequest}`
}

/** What a whole answer says its statement returned, at the end of its command tag. */
const TAG_COUNT = /^(SELECT|INSERT|UPDATE|DELETE|MERGE)\b.* (\d+)$/

/**
 * The third wall. A protocol of answers without names matches them to requests by order alone, so one
 * message too many between here and PostgreSQL would give a user another's rows. Therefore each scope
 * returns whom it was set for and the number of its request, and an answer counts only when it is
 * exactly that row, the rows of one statement, and two ends of commands.
 */
export class AnswerCheck {
  readonly #expected: Row
  #part: 'scope' | 'statement' | 'end' = 'scope'
  #echoed = false
  #rows = 0

  /** @param expected what the first columns of the scope's row must be. */
  constructor(expected: Row) {
    this.#expected = expected
  }

  get begun(): boolean {
    return this.#echoed || this.scoped
  }

  /** Whether the scope has run, for this request; what comes then is the statement's. */
  get scoped(): boolean {
    return this.#part !== 'scope'
  }

  /** @returns whether the row is the statement's. @throws {MismatchError} */
  row(fields: Row): boolean {
    if (this.#part === 'statement') {
      this.#rows += 1
      return true
    }
    if (this.#echoed) throw new MismatchError('there is a row too many')
    if (!this.#expected.every((text, at) => fields[at] === text)) {
      throw new MismatchError('the scope is another’s')
    }
    this.#echoed = true
    return false
  }

  /** The end of a command. @returns whether it is the statement's. @throws {MismatchError} */
  complete(tag: string): boolean {
    if (this.#part === 'scope') {
      if (!this.#echoed || tag !== 'SELECT 1') throw new MismatchError('the scope has no row')
      this.#part = 'statement'
      return false
    }
    if (this.#part === 'end') throw new MismatchError('there is one command too many')
    this.#part = 'end'
    if (tag === 'SELECT 1' && this.#rows === 1) return true // as most are
    const [, command, count] = TAG_COUNT.exec(tag) ?? []
    // What changes rows returns each of them, or none.
    const counts = command === undefined || this.#rows === Number(count)
    if (!counts && (command === 'SELECT' || this.#rows > 0)) {
      throw new MismatchError('there are more rows or fewer than its end says')
    }
    return true
  }

  /** @throws {MismatchError} when the answer ended before it was whole. */
  end(): void {
    if (this.#part !== 'end') throw new MismatchError('it ended too early')
  }
}
