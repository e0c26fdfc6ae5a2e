import { randomBytes } from 'node:crypto'
import { MismatchError } from '../errors.ts'
import type { Row } from '../session.ts'

/** Random, so that two processes behind one pooler never use the same text. */
const PROCESS = randomBytes(6).toString('base64url')
let lastRequest = 0

/** @returns a text that identifies one request to the database on any connection. */
export function requestNumber(): string {
  lastRequest += 1
  return `${PROCESS}${lastRequest}`
}

/** The command and the row count of a command tag (PostgreSQL manual, CommandComplete). */
const TAG_COUNT = /^(SELECT|INSERT|UPDATE|DELETE|MERGE)\b.* (\d+)$/

/**
 * The third isolation layer: the response check. PostgreSQL's protocol matches responses to requests only by
 * their order, so one surplus message from a proxy would give a user another user's rows. Therefore each scope
 * returns its role, its user and the number of its request. A response is valid only if it is exactly that row
 * and the rows of each statement, with a CommandComplete message after each of them.
 */
export class AnswerCheck {
  readonly #expected: Row
  #part: 'scope' | 'statement' | 'end' = 'scope'
  #echoed = false
  #rows = 0
  /** The statements whose response is not complete. */
  #statements: number

  /**
   * @param expected the text of the first columns of the scope's row.
   * @param statements the number of statements after the scope.
   */
  constructor(expected: Row, statements = 1) {
    this.#expected = expected
    this.#statements = statements
  }

  /** Whether a part of the response has arrived. */
  get begun(): boolean {
    return this.#echoed || this.scoped
  }

  /** Whether the scope has run for this request. Further messages belong to the statements. */
  get scoped(): boolean {
    return this.#part !== 'scope'
  }

  /** Checks a DataRow. @returns whether it belongs to a statement. @throws {MismatchError} */
  row(fields: Row): boolean {
    if (this.#part === 'statement') {
      this.#rows += 1
      return true
    }
    if (this.#echoed) throw new MismatchError('it has a surplus row')
    if (!this.#expected.every((text, at) => fields[at] === text)) {
      throw new MismatchError('its scope is that of another request')
    }
    this.#echoed = true
    return false
  }

  /** Checks a CommandComplete. @returns whether it belongs to a statement. @throws {MismatchError} */
  complete(tag: string): boolean {
    if (this.#part === 'scope') {
      if (!this.#echoed || tag !== 'SELECT 1') throw new MismatchError('its scope has no row')
      this.#part = this.#statements === 0 ? 'end' : 'statement'
      return false
    }
    if (this.#part === 'end') throw new MismatchError('it has a surplus command')
    const rows = this.#rows
    this.#rows = 0
    this.#statements -= 1
    if (this.#statements === 0) this.#part = 'end'
    if (tag === 'SELECT 1' && rows === 1) return true // the most frequent response
    const [, command, count] = TAG_COUNT.exec(tag) ?? []
    // A statement that changes rows returns either all of them or no row.
    const counts = command === undefined || rows === Number(count)
    if (!counts && (command === 'SELECT' || rows > 0)) {
      throw new MismatchError('its number of rows differs from its command tag')
    }
    return true
  }

  /** Checks a ReadyForQuery. @throws {MismatchError} if the response is not complete. */
  end(): void {
    if (this.#part !== 'end') throw new MismatchError('it ended too early')
  }
}
