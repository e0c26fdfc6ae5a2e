import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '../core/limits.ts'
import { type ConnectionConfig, DatabaseClient } from './database-client.ts'

/** In place of hints, if they are too many for one notification. */
export const ALL = '*'
const CHANNEL = 'todo_changed'
const LISTEN = `listen ${CHANNEL}`
/**
 * A plain statement of its own: in the transaction of a write, NOTIFY would let all such writes commit one by one.
 * Nothing waits for the disk, because there is nothing to keep.
 */
const NOTIFY = `select pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.pg_notify('${CHANNEL}', $1)`
/** PostgreSQL limits the payload to 7999 bytes. A hint has 11, and a comma. */
const MOST_HINTS = 600

export interface NoticeTimes {
  /** Hints are collected for this long. */
  readonly collectMs: number
  /** The pause before the next attempt to connect: initially, and at most. */
  readonly retryMs: number
  readonly longestRetryMs: number
  /** Unused for this long, the connection is closed, so that a suspended database stays suspended. */
  readonly idleMs: number
  /** How long a stop waits for the last hints. */
  readonly closeMs: number
}

const NOTICE_TIMES: NoticeTimes = {
  collectMs: 50,
  retryMs: 500,
  longestRetryMs: 30_000,
  idleMs: 60_000,
  closeMs: 300,
}

/**
 * Passes hints to the servers of other machines through PostgreSQL (NOTIFY), and receives theirs while this server
 * has streams. One connection serves both. A hint may be lost, so readers also read without one from time to time.
 */
export class Notices {
  readonly #config: ConnectionConfig
  readonly #heard: (hint: string) => void
  readonly #times: NoticeTimes
  readonly #pending = new Set<string>()
  #client: DatabaseClient | undefined
  #connecting: Promise<DatabaseClient> | undefined
  #isListening = false
  #isClosed = false
  #failures = 0
  #collecting: NodeJS.Timeout | undefined
  #retrying: NodeJS.Timeout | undefined
  #idling: NodeJS.Timeout | undefined

  /** @param config of a session of its own. @param heard is called with each hint of another server. */
  constructor(
    config: ConnectionConfig,
    heard: (hint: string) => void,
    times: NoticeTimes = NOTICE_TIMES,
  ) {
    this.#config = { ...config, application_name: 'todo-backend hints', keepAlive: true }
    this.#heard = heard
    this.#times = times
  }

  add(hint: string): void {
    if (this.#isClosed) return
    this.#pending.add(hint)
    this.#collecting ??= setTimeout(() => void this.#notify(), this.#times.collectMs).unref()
  }

  listen(isListening: boolean): void {
    this.#isListening = isListening
    if (!isListening) this.#stopWhenIdle()
    else if (this.#client !== undefined) void this.#startListening(this.#client)
    else void this.#connect().catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of [this.#retrying, this.#idling]) clearTimeout(timer)
    const { closeMs } = this.#times
    const ended = this.#notify().then(() => this.#client?.end())
    await Promise.race([ended.catch(() => undefined), sleep(closeMs, undefined, { ref: false })])
  }

  async #notify(): Promise<void> {
    clearTimeout(this.#collecting)
    this.#collecting = undefined
    if (this.#pending.size === 0) return
    const hints = this.#pending.size > MOST_HINTS ? ALL : [...this.#pending].join()
    this.#pending.clear()
    try {
      const client = await this.#connect()
      await client.query(NOTIFY, [hints])
    } catch {
      // Others read without a hint. The next hints try to connect again.
    }
    this.#stopWhenIdle()
  }

  async #connect(): Promise<DatabaseClient> {
    if (this.#client !== undefined) return this.#client
    if (this.#retrying !== undefined) throw new Error('The database was unreachable a moment ago')
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #open(): Promise<DatabaseClient> {
    const client = new DatabaseClient({
      ...this.#config,
      connectionTimeoutMillis: LIMITS.connectMs,
    })
    client.on('error', () => {})
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ processId, payload = '' }) => {
      const { processID } = client as { processID?: number } // pg's types lack it
      if (processId !== processID) for (const hint of payload.split(',')) this.#heard(hint)
    })
    try {
      await client.connect()
      if (this.#isListening) await this.#startListening(client)
    } catch (error) {
      client.end().catch(() => undefined)
      this.#retryLater()
      throw error
    }
    this.#client = client
    this.#failures = 0
    return client
  }

  /** Until it listens, hints were lost. */
  async #startListening(client: DatabaseClient): Promise<void> {
    await client.query(LISTEN).then(
      () => this.#heard(ALL),
      () => undefined,
    )
  }

  #lost(client: DatabaseClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    if (this.#isListening) this.#retryLater()
  }

  #retryLater(): void {
    if (this.#isClosed) return
    const { retryMs, longestRetryMs } = this.#times
    const pauseMs = Math.min(longestRetryMs, retryMs * 2 ** Math.min(this.#failures, 16))
    this.#failures += 1
    clearTimeout(this.#retrying)
    // Half of it is random, so that the servers do not return together.
    this.#retrying = setTimeout(
      () => {
        this.#retrying = undefined
        if (this.#isListening) void this.#connect().catch(() => undefined)
      },
      (pauseMs / 2) * (1 + Math.random()),
    ).unref()
  }

  #stopWhenIdle(): void {
    clearTimeout(this.#idling)
    this.#idling = setTimeout(() => {
      if (this.#isListening || this.#pending.size > 0) return
      const client = this.#client
      this.#client = undefined
      client?.end().catch(() => undefined)
    }, this.#times.idleMs).unref()
  }
}
