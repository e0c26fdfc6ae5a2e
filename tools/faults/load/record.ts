import type { Outcome } from './exchange.ts'

/** The state of a task in a response or in the database. */
export interface TaskState {
  readonly description: string | null
  readonly completed: boolean
  /** RFC 3339 in UTC with milliseconds, so that text sorts as time does. */
  readonly updatedAt: string
}

/** A writer's record of one of its tasks. Only this writer changes the task, one request at a time. */
export interface TaskRecord {
  readonly user: string
  /** Unique in all runs, and never changed. */
  readonly title: string
  /** Whether its creation and toggles have a key and are repeated until there is a response. */
  readonly keyed: boolean
  id: string | undefined
  /** The key of its creation. */
  key: string | undefined
  /** The state in the latest response to a change. */
  acknowledged: TaskState | undefined
  /** Descriptions without a response. Each of them may still take effect. */
  readonly doubtfulDescriptions: string[]
  doubtfulFlips: number
  deletion: 'none' | 'doubtful' | 'acknowledged'
}

/** A requested account. */
export interface SignUpRecord {
  /** Unique in all runs. */
  readonly email: string
  acknowledged: boolean
}

export interface Counts {
  acknowledgedWrites: number
  reads: number
  unavailable: number
  cut: number
  replayed: number
  /** Changes that arrived on streams. */
  events: number
}

/** @returns the mark in a user's texts. No response to another user may contain it. */
export const markOf = (user: string) => `«${user}»`
const MARK = /«([^»]*)»/g

/** All requests and their outcomes. */
export class Record {
  readonly tasks: TaskRecord[] = []
  readonly signUps: SignUpRecord[] = []
  readonly counts: Counts = {
    acknowledgedWrites: 0,
    reads: 0,
    unavailable: 0,
    cut: 0,
    replayed: 0,
    events: 0,
  }
  /** The broken promises as text. */
  readonly violations: string[] = []
  /** The number of responses with another user's data. */
  foreign = 0
  /** True during a fault and shortly afterwards, when refusals are expected. */
  troubled = false
  /** Whether the fault also cuts connections of clients. */
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
   * Counts an outcome, and checks it for other users' data.
   *
   * @param troubled whether the request was sent while refusals were expected.
   * @returns the response, if its status is a success.
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
    this.look(user, text)
    if (status >= 200 && status < 300) return outcome
    if (status !== 503) return this.violate(`${what} was answered with ${status}: ${text}`)
    this.counts.unavailable += 1
    if (!expected) this.violate(`${what} was answered with 503 when nothing was wrong`)
    if (headers['retry-after'] === undefined) this.violate(`${what}: 503 without Retry-After`)
  }

  /** Counts a text that a user received, if it has data of another one. */
  look(user: string, text: string): void {
    if ([...text.matchAll(MARK)].some(([, whose]) => whose !== user)) this.foreign += 1
  }

  violate(violation: string): undefined {
    this.violations.push(violation)
  }
}
