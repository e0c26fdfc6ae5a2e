import { deepStrictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import type { TestApp } from '../../../backend/tests/support/app.ts'
import type { Observable } from '../../src/observable.ts'
import { memoryStore, SharedMemory } from '../../src/stores/memory.ts'
import { createSync, type Refusal, type Sync, type SyncState } from '../../src/sync/create-sync.ts'
import type { Store } from '../../src/sync/store.ts'
import type { Task } from '../../src/task.ts'
import { createClient, type TodoClient } from '../../src/transport/client.ts'
import type { Sleep } from '../../src/transport/http.ts'

/** A request, as a test reads it: `GET /tasks/1` without what is before, or for an edit `update 1`. */
export interface Seen {
  readonly line: string
  readonly headers: Headers
  readonly body: unknown
}

/** @returns what an update asks for. */
export function changeOf({ body }: Pick<Seen, 'body'>): unknown {
  return (body as { operations: { task?: unknown }[] }).operations[0]?.task // that of an edit
}

/** What a test does with a request: send it, hold it back, lose it or its response, or answer it. */
export type Wire = (seen: Seen, send: () => Promise<Response>) => Promise<Response>

/** A request that waits until the test lets it go. */
export interface Hold {
  /** The request has come to where it is held. */
  readonly reached: Promise<Seen>
  release(): void
  /** The connection breaks. */
  cut(): void
}

export interface DeviceOptions {
  readonly user: string
  readonly store?: Store
  readonly sleep?: Sleep
  readonly now?: () => number
  readonly token?: (refused?: string) => string | Promise<string>
}

/** A client of a user, with a network that tests cut. */
export class Device {
  readonly sync: Sync
  readonly client: TodoClient
  readonly store: Store
  readonly user: string
  /** Every request that was begun. */
  readonly seen: Seen[] = []
  /** Errors that should not happen. */
  readonly errors: unknown[] = []
  #wire: Wire = (_, send) => send()
  /** Whether the test has disturbed the network, so that the device may wait to try again. */
  #isDisturbed = false
  readonly #failed = Promise.withResolvers<never>()
  /** Every request with its outcome, as a failure tells them. */
  readonly #outcomes: string[] = []
  readonly #app: TestApp
  readonly #holds = new Set<{
    readonly line: RegExp
    readonly at: 'request' | 'response'
    reach(seen: Seen): Promise<void>
  }>()
  #isOnline = true
  readonly #cuts = new Set<() => void>()

  constructor(app: TestApp, { user, store = memoryStore(), sleep, now, token }: DeviceOptions) {
    this.#app = app
    this.#failed.promise.catch(() => {}) // each wait of a test gets it
    this.user = user
    this.store = store
    this.client = createClient({
      baseUrl: `http://127.0.0.1:${app.port}`,
      token: token ?? (() => app.token(user)),
      fetch: (input, init) => this.#fetch(String(input), init),
    })
    this.sync = createSync({
      ...{ client: this.client, store },
      sleep: sleep ?? ((ms) => this.#sleep(ms)),
      ...(now && { now }),
      onError: (error) => {
        this.errors.push(error)
      },
    })
  }

  get wire(): Wire {
    return this.#wire
  }

  set wire(wire: Wire) {
    this.#isDisturbed = true
    this.#wire = wire
  }

  /** Tests poke where time would pass. In a test that has not made an error nothing would, so that it fails. */
  #sleep(ms: number): Promise<void> {
    if (!this.#isDisturbed) {
      const after = 'after an error that the test has not made'
      const text = `The device waits ${Math.round(ms)} ms ${after}. ${this.report()}`
      this.#failed.reject(new Error(text))
    }
    return new Promise(() => {})
  }

  /** @returns its state and its latest requests, for the failure of a test. */
  report(): string {
    const { state, unsent } = this.sync.status.get()
    return [`It is ${state}, ${unsent} unsent:`, ...this.#outcomes.slice(-10)].join('\n')
  }

  goOffline(): void {
    this.#isDisturbed = true
    this.#isOnline = false
    for (const cut of [...this.#cuts]) cut()
  }

  goOnline(): void {
    this.#isOnline = true
    this.sync.poke()
  }

  /** Holds the next request back whose method and path match, before it is sent or when its response is there. */
  hold(line: RegExp, at: 'request' | 'response' = 'request'): Hold {
    const reached = Promise.withResolvers<Seen>()
    const decided = Promise.withResolvers<void>()
    const reach = (seen: Seen) => {
      reached.resolve(seen)
      return decided.promise
    }
    this.#holds.add({ line, at, reach })
    return {
      reached: reached.promise,
      release: decided.resolve,
      cut: () => {
        this.#isDisturbed = true
        decided.reject(new TypeError('The connection breaks'))
      },
    }
  }

  async #pass(seen: Seen, at: 'request' | 'response', signal: AbortSignal): Promise<void> {
    for (const hold of this.#holds) {
      if (hold.at !== at || !hold.line.test(seen.line)) continue
      this.#holds.delete(hold)
      await Promise.race([hold.reach(seen), once(signal, 'abort')])
      signal.throwIfAborted()
    }
    if (!this.#isOnline) throw new TypeError('The device is offline')
  }

  async #fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { pathname, search } = new URL(url)
    const path = pathname.replace(/^\/api\/[^/]+/, '') + search
    const body = init.body === undefined ? undefined : JSON.parse(String(init.body))
    const edit = body?.operations?.[0]
    const line = edit ? `${edit.op} ${edit.id ?? edit.task.id}` : `${init.method} ${path}`
    const seen = { line, headers: new Headers(init.headers), body }
    this.seen.push(seen)
    const controller = new AbortController()
    const cut = () => controller.abort(new TypeError('The network is gone'))
    init.signal?.addEventListener('abort', () => controller.abort(init.signal?.reason))
    this.#cuts.add(cut)
    try {
      await this.#pass(seen, 'request', controller.signal)
      const send = () => fetch(url, { ...init, signal: controller.signal })
      const response = await this.#wire(seen, send)
      this.#outcomes.push(`${line} → ${response.status}`)
      await this.#pass(seen, 'response', controller.signal)
      return response
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      this.#outcomes.push(`${line} → ${error}${cause ? `, ${cause}` : ''}`)
      // The server sees that nobody reads the response.
      cut()
      this.#cuts.delete(cut)
      throw error
    }
  }

  /** The server does not know the token of the feed any more when the device continues from it. */
  expireOnce(): void {
    let isExpired = false
    this.wire = async ({ line }, send) => {
      if (isExpired || !line.includes('since=')) return send()
      isExpired = true
      return problem(410, 'sync_expired')
    }
  }

  /** The edits that were sent, such as `update 1`. */
  get writes(): string[] {
    return this.seen.map(({ line }) => line).filter((line) => !line.startsWith('GET'))
  }

  /** Waits until a value is as wanted. @throws if the device waits for what this test has not made. */
  until<Value>(observable: Observable<Value>, isWanted: (value: Value) => boolean): Promise<Value> {
    return until(observable, isWanted, this.#failed.promise)
  }

  /** Waits until the outbox is as wanted. */
  async unsent(count: number): Promise<void> {
    await this.until(this.sync.status, ({ unsent }) => unsent === count)
  }

  async is(state: SyncState): Promise<void> {
    await this.until(this.sync.status, (status) => status.state === state)
  }

  async refusal(): Promise<Refusal> {
    const [refusal] = await this.until(this.sync.refusals, ({ length }) => length > 0)
    if (refusal === undefined) throw new Error('There is no refusal')
    return refusal
  }

  /** Makes edits, and returns when they are stored. @returns the ids of the tasks. */
  async apply(...edits: Parameters<Sync['apply']>[0]): Promise<readonly string[]> {
    return (await this.sync.apply(edits)).ids
  }

  task(id: string) {
    return this.sync.tasks.get().get(id)
  }

  titles(): string[] {
    return [...this.sync.tasks.get().values()].map(({ title }) => title).sort()
  }

  /** Waits until the tasks are those of the server. */
  async agrees(): Promise<void> {
    await this.unsent(0)
    const list = await this.#app.send('GET', `/api/${this.user}/tasks`)
    const expected = sorted(list.json)
    await this.until(
      this.sync.tasks,
      (tasks) => JSON.stringify(plain(tasks)) === JSON.stringify(expected),
    )
    deepStrictEqual(this.errors, [])
  }

  async stop(): Promise<void> {
    await this.sync.stop()
    deepStrictEqual(this.errors, [])
  }
}

/** @returns a response as the server gives it. */
export function problem(status: number, error: string, headers = {}): Response {
  const body = JSON.stringify({ error, status, detail: `It is ${error}` })
  const type = { 'content-type': 'application/problem+json' }
  return new Response(body, { status, headers: { ...type, ...headers } })
}

/**
 * Stops the server at once. `fetch` leaves connections open that have had no request, because that was cut, and the
 * server would wait for their headers.
 */
export async function closeApp(app: TestApp): Promise<void> {
  app.app.server.closeAllConnections()
  await app.close()
}

/** The tasks as the server would list them. */
export function plain(tasks: ReturnType<Sync['tasks']['get']>): Task[] {
  return sorted([...tasks.values()].map(({ saved: _, ...task }) => task))
}

/** Sorted by id, and each with its members by name. */
export function sorted(tasks: readonly Task[]): Task[] {
  return tasks
    .map((task) => Object.fromEntries(Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1))))
    .map((task) => task as Task) // with all its members
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Waits until a value is as wanted. @param failed ends the waiting. */
export async function until<Value>(
  observable: Observable<Value>,
  isWanted: (value: Value) => boolean,
  failed?: Promise<never>,
): Promise<Value> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = observable.subscribe(resolve)
    const value = observable.get()
    if (isWanted(value)) {
      end()
      return value
    }
    await Promise.race(failed ? [promise, failed] : [promise]).finally(end)
  }
}

export { memoryStore, SharedMemory }
