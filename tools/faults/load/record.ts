import type { Outcome } from './exchange.ts'

/** A task as an answer, or the database, has it. */
export interface TaskState {
  readonly description: string | null
  readonly completed: boolean
  /** RFC 3339 in UTC with milliseconds, so that text sorts as time does. */
  readonly updatedAt: string
}

/** What its writer knows of one task. One writer has it, and sends one request at a time. */
export interface TaskRecord {
  readonly user: string
  /** Once in all runs, and never changed. */
  readonly title: string
  /** Whether its creation and flips are sent with a key until they are answered. */
  readonly keyed: boolean
  id: string | undefined
  /** What its creation was sent with. */
  key: string | undefined
  /** As the latest answer to a change has it. */
  acknowledged: TaskState | undefined
  /** Descriptions that were sent and never answered for; any of them may come true, at any time. */
  readonly doubtfulDescriptions: string[]
  doubtfulFlips: number
  deletion: 'none' | 'doubtful' | 'acknowledged'
}

/** An account that was asked for. */
export interface SignUpRecord {
  /** Once in all runs. */
  readonly email: string
  acknowledged: boolean
}

export interface Counts {
  acknowledgedWrites: number
  reads: number
  unavailable: number
  cut: number
  replayed: number
}

/** The part of a text that says whose it is; no answer to anybody else may have it. */
export const markOf = (user: string) => `«${user}»`
const MARK = /«([^»]*)»/g

/** All that was sent and what came of it. */
export class Record {
  readonly tasks: TaskRecord[] = []
  readonly signUps: SignUpRecord[] = []
  readonly counts: Counts = {
    acknowledgedWrites: 0,
    reads: 0,
    unavailable: 0,
    cut: 0,
    replayed: 0,
  }
  /** What must never happen, in words. */
  readonly violations: string[] = []
  /** Answers with something of another user's in them. */
  foreign = 0
  /** While a fault lasts, and for a moment after, refusals are expected. */
  troubled = false
  /** Whether the fault takes connections of clients as well. */
  cutsExpected = false

  begin(user: string, title: string, keyed: boolean): TaskRecord {
    const task: TaskRecord = {
      ...{ user, title, keyed, id: undefined, key: undefined, acknowledged: undefined },
      ...{ doubtfulDescriptions: [title], doubtfulFlips: 0, deletion: 'none' },
    }
    this.tasks.push(task)
    return task
  }

  /**
   * Counts an outcome, and looks for what must not be in it.
   *
   * @param troubled whether the request was sent while refusals were expected.
   * @returns the answer, where it is one of success.
   */
  note(what: string, user: string, outcome: Outcome, troubled: boolean) {
    const expected = troubled || this.troubled
    if (outcome === 'silence') return this.violate(`${what} was not answered in 20 s`)
    if (outcome === 'cut') {
      this.counts.cut += 1
      if (!expected || !this.cutsExpected) this.violate(`${what}: the connection was cut`)
      return
    }
    const { status, headers, text } = outcome
    if ([...text.matchAll(MARK)].some(([, whose]) => whose !== user)) this.foreign += 1
    if (status >= 200 && status < 300) return outcome
    if (status !== 503) return this.violate(`${what} was answered with ${status}: ${text}`)
    this.counts.unavailable += 1
    if (!expected) this.violate(`${what} was answered with 503 when nothing was wrong`)
    if (headers['retry-after'] === undefined) this.violate(`${what}: 503 without Retry-After`)
  }

  violate(violation: string): undefined {
    this.violations.push(violation)
  }
}
