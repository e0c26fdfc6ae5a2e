import { type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Record } from './record.ts'
import { type Session, signToken } from './session.ts'

const RETRY_MS = 200
/** How often the last comparison is repeated while delayed statements still change tasks. */
const COMPARISONS = 20

export interface FollowerOptions {
  readonly record: Record
  /** For the last pages. */
  readonly session: Session
  readonly port: () => number
  readonly user: string
}

interface Change {
  readonly task?: { readonly id: string }
  readonly id?: string
}

/**
 * Follows the changes of a user as a stream, and goes on from its last token whenever the stream ends. The tasks that it
 * knows afterwards must be the list of the user.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #tasks = new Map<string, string>()
  readonly #running: Promise<void>
  #token: string | undefined
  #open: ClientRequest | undefined
  #stopped = false

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#running = this.#follow()
  }

  /** Ends the stream. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#open?.destroy()
    await this.#running
  }

  /**
   * Reads the rest of the changes, and compares what it knows with the list.
   *
   * @returns the difference as text, or undefined.
   */
  async difference(comparisons = COMPARISONS): Promise<string | undefined> {
    let found: string | undefined
    for (let comparison = 0; comparison < comparisons; comparison += 1) {
      await this.#readRest()
      const list: { id: string }[] = JSON.parse(await this.#get(''))
      found = this.#compare(new Map(list.map((task) => [task.id, JSON.stringify(task)])))
      if (found === undefined) return undefined
      await sleep(RETRY_MS)
    }
    return `the feed of ${this.#options.user} ${found}`
  }

  #compare(list: ReadonlyMap<string, string>): string | undefined {
    for (const [id, text] of list) {
      if (this.#tasks.get(id) !== text) return `has ${this.#tasks.get(id)} in place of ${text}`
    }
    for (const [id, text] of this.#tasks) if (!list.has(id)) return `still has ${text}`
    return undefined
  }

  async #readRest(): Promise<void> {
    for (let more = true; more; ) {
      const since = this.#token === undefined ? '' : `?since=${this.#token}`
      const page = JSON.parse(await this.#get(`/changes${since}`))
      for (const change of page.changes) this.#apply(change)
      this.#token = page.token
      more = page.more
    }
  }

  async #get(path: string): Promise<string> {
    const { session, user } = this.#options
    for (;;) {
      const outcome = await session.send(user, { method: 'GET', path: `/api/${user}/tasks${path}` })
      if (typeof outcome === 'object' && outcome.status === 200) return outcome.text
      if (typeof outcome === 'object' && outcome.status !== 503) {
        throw new Error(`${path} was answered with ${outcome.status}: ${outcome.text}`)
      }
      await sleep(RETRY_MS)
    }
  }

  #apply({ task, id }: Change): void {
    if (task !== undefined) this.#tasks.set(task.id, JSON.stringify(task))
    else if (id !== undefined) this.#tasks.delete(id)
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      await this.#stream()
      if (!this.#stopped) await sleep(RETRY_MS)
    }
  }

  /** Resolves when the stream has ended. */
  async #stream(): Promise<void> {
    const { record, port, user } = this.#options
    const { troubled } = record
    const token = await signToken(user)
    if (this.#stopped) return
    const headers = {
      ...{ authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      ...(this.#token !== undefined && { 'last-event-id': this.#token }),
    }
    const path = `/api/${user}/tasks/changes`
    await new Promise<void>((resolve) => {
      const sent = request({ host: '127.0.0.1', port: port(), path, headers, agent: false })
      this.#open = sent
      sent.on('close', resolve)
      sent.on('error', () => {})
      sent.on('response', (response) => {
        response.on('error', () => {})
        response.setEncoding('utf8')
        const isStream = response.statusCode === 200
        let text = ''
        response.on('data', (part: string) => {
          text += part
          if (isStream) text = this.#read(text)
        })
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response
          if (!isStream) record.note('stream', user, { status, headers, text }, troubled)
        })
      })
      sent.end()
    })
  }

  /** Applies the events that are complete. @returns the rest. */
  #read(text: string): string {
    const events = text.split('\n\n')
    const rest = events.pop() ?? ''
    for (const event of events) {
      const fields = new Map(
        event.split('\n').map((line): [string, string] => {
          const [name = '', ...value] = line.split(': ')
          return [name, value.join(': ')]
        }),
      )
      const data = fields.get('data')
      if (fields.get('event') === 'change' && data !== undefined) this.#applyEvent(data)
      this.#token = fields.get('id') ?? this.#token
    }
    return rest
  }

  #applyEvent(data: string): void {
    const { record, user } = this.#options
    record.look(user, data)
    this.#apply(JSON.parse(data))
    record.counts.events += 1
  }
}
