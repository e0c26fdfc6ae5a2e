import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { TokenTimes } from '../../http/identity/token-times.ts'
import { recountBytes } from '../../http/protocol/queued-bytes.ts'
import type { EachChangePage } from '../../models/changes/changes.ts'
import { type Position, writeToken } from '../../models/changes/token.ts'

/** Clients reconnect after a random time, so that those of a stopped server do not return together. */
const RETRY_MS = { least: 1_000, most: 10_000 }

/** The field with which a client learns when to reconnect. */
function retryField(): string {
  const { least, most } = RETRY_MS
  return `retry: ${least + Math.floor(Math.random() * (most - least + 1))}\n\n`
}

/** The text of a page, as several streams at one position send it. */
export interface PageEvents {
  readonly changes: string
  /** The event after the last change there is; empty if more follow. */
  readonly caughtUp: string
  readonly position: Position
}

export function eventsOf({ changes, position, more }: EachChangePage): PageEvents {
  const events = changes.map(({ json, token }) => `id: ${token}\nevent: change\ndata: ${json}\n\n`)
  const caughtUp = more ? '' : `id: ${writeToken(position)}\nevent: caught-up\ndata: {}\n\n`
  return { changes: events.join(''), caughtUp, position }
}

/**
 * The open response of one client, with its position in the feed. It keeps no event: while the client has not
 * read what was written, nothing is read from the feed for it.
 */
export class ChangeStream {
  readonly times: TokenTimes
  /** Undefined until the first page. */
  position: Position | undefined
  /** Whether there may be changes after the position. */
  isStale = false
  /** Whether the next page ends with `caught-up` even if it has no change. */
  isQuiet = true
  /** On the monotonic clock. */
  writtenMs = 0
  readMs = 0
  readonly #raw: ServerResponse
  readonly #drained: () => void
  #isReading = false
  #isEnded = false

  /** @param drained is called when the client has read all that was written. */
  constructor(raw: ServerResponse, times: TokenTimes, drained: () => void) {
    this.#raw = raw
    this.times = times
    this.#drained = drained
  }

  /** Whether the stream has begun, and its client has read what was written. */
  get isReading(): boolean {
    return this.#isReading
  }

  /** Sends the head of the response. @param headers with {@link STREAM_HEADERS}. */
  begin(headers: OutgoingHttpHeaders): void {
    // A stream that ends also ends its connection: a server that stops waits for no client.
    this.#raw.shouldKeepAlive = false
    this.#raw.writeHead(200, headers)
    forgetRequest(this.#raw)
    this.#endWithClient()
    this.#isReading = true
    if (this.#isEnded) this.end()
    else this.#write(retryField())
  }

  /** Sends a page, unless the stream has ended meanwhile. */
  send({ changes, caughtUp, position }: PageEvents): void {
    if (this.#isEnded) return
    const text = changes === '' && !this.isQuiet ? '' : changes + caughtUp
    this.isQuiet = caughtUp === ''
    this.position = position
    this.readMs = performance.now()
    if (text !== '') this.#write(text)
  }

  /** A line that clients ignore. Not while bytes wait, so that the time limit of a stalled client continues. */
  comment(): void {
    if (this.#isReading) this.#write(':\n\n')
  }

  /** Ends the response. A client that does not read would delay it, so its connection is closed. */
  end(): void {
    this.#isEnded = true
    if (this.#isReading) this.#raw.end(retryField())
    // A response that has not begun ends as soon as it begins.
    else if (this.#raw.headersSent && !this.#raw.writableEnded) this.#raw.destroy()
    this.#isReading = false
  }

  /** The server lets clients end their side first (`httpAllowHalfOpen`), so Node does not end the response. */
  #endWithClient(): void {
    const { socket } = this.#raw
    if (socket?.readableEnded) this.#raw.destroy()
    else socket?.once('end', () => this.#raw.destroy())
  }

  #write(text: string): void {
    this.writtenMs = performance.now()
    if (this.#raw.write(text, () => recountBytes(this.#raw))) return
    this.#isReading = false
    this.#raw.once('drain', () => {
      this.#isReading = !this.#isEnded
      this.#drained()
    })
  }
}

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/**
 * Runs what Fastify does after a response, such as the line in the log, when the stream begins. Fastify's
 * listener, which it adds for both events, would keep the request and the reply until the stream ends.
 */
function forgetRequest(raw: ServerResponse): void {
  const ofErrors = raw.listeners('error')
  const own = raw.listeners('finish').filter((listener) => ofErrors.includes(listener))
  for (const listener of own) listener.call(raw)
}
