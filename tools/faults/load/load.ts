import { setTimeout as sleep } from 'node:timers/promises'
import { Follower } from './follower.ts'
import { Record } from './record.ts'
import { Session } from './session.ts'
import { signUp } from './sign-up.ts'
import { Writer } from './writer.ts'

export interface LoadOptions {
  /** The port of the server, called for each request. */
  readonly port: () => number
  /** The prefix of all users' ids. */
  readonly prefix: string
  readonly users?: number
  readonly writersPerUser?: number
  readonly requestsPerSecond?: number
}

/** The pause between sign-ups. Each takes a core for 0.1 s to hash the password. */
const SIGN_UP_PAUSE_MS = 1_000

/** How long a writer with keys retries after the load was stopped. */
const PATIENCE_MS = 10_000

/** Steady, mixed work of several users, each with several clients. */
export class Load {
  readonly record = new Record()
  readonly prefix: string
  readonly #sessions: Session[] = []
  readonly #followers: Follower[] = []
  readonly #running: Promise<void>[] = []
  #stoppedMs: number | undefined

  constructor({
    port,
    prefix,
    users = 8,
    writersPerUser = 3,
    requestsPerSecond = 300,
  }: LoadOptions) {
    this.prefix = prefix
    const writers = users * writersPerUser
    const pauseMs = (1_000 * writers) / requestsPerSecond
    for (let at = 0; at < writers; at += 1) {
      const session = new Session(port)
      this.#sessions.push(session)
      const number = at % users
      const writer = new Writer({
        ...{ record: this.record, session, user: `${prefix}.${number}`, name: `w${at}` },
        // Half of the users send an Idempotency-Key.
        keyed: number % 2 === 1,
        retries: () =>
          performance.now() - (this.#stoppedMs ?? Number.POSITIVE_INFINITY) < PATIENCE_MS,
      })
      this.#running.push(this.#run(() => writer.step(), pauseMs, (pauseMs * at) / writers))
    }
    const session = new Session(port)
    this.#sessions.push(session)
    for (let number = 0; number < users; number += 1) {
      const user = `${prefix}.${number}`
      this.#followers.push(new Follower({ record: this.record, session, port, user }))
    }
    this.#running.push(this.#run(() => signUp(session, prefix, this.record), SIGN_UP_PAUSE_MS, 0))
  }

  /** Resolves when the accounts have been used, because the first use allocates memory. */
  async warm(): Promise<void> {
    while (!this.record.signUps.some(({ acknowledged }) => acknowledged)) await sleep(50)
  }

  /** Waits for the requests in progress, and ends the streams. */
  async stop(): Promise<void> {
    this.#stoppedMs ??= performance.now()
    await Promise.all([...this.#running, ...this.#followers.map((follower) => follower.stop())])
    for (const session of this.#sessions) session.close()
  }

  /** @returns how the tasks of the streams differ from the lists, as text. Call it after {@link stop}. */
  async differences(): Promise<string[]> {
    const all = await Promise.all(this.#followers.map((follower) => follower.difference()))
    return all.filter((difference) => difference !== undefined)
  }

  async #run(step: () => Promise<void>, pauseMs: number, delayMs: number): Promise<void> {
    let dueMs = performance.now() + delayMs
    while (this.#stoppedMs === undefined) {
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      await step()
      dueMs = Math.max(dueMs, performance.now() - pauseMs) + pauseMs
    }
  }
}
