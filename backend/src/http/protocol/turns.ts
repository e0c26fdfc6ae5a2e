import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits } from '../../core/limits.ts'

type Response = ServerResponse<IncomingMessage>

/** llhttp's code for a paused parser (HPE_PAUSED): it stops reading, even within this chunk. */
const PARSER_PAUSED = 21
/** Estimated memory, in bytes, of a request that was parsed but not begun. Node stops reading at 16 of them. */
const WAITING_BYTES = 4_096

/** The requests of one socket: the one in progress, and those that wait for it. */
interface Line {
  current: Response | null
  /** The latest response that was written before the body of its request had arrived. */
  early: Response | null
  readonly waiting: { readonly response: Response; readonly begin: () => void }[]
  /** The socket accepts no more requests, and closes after the last accepted one. */
  closing: boolean
  /** The response to unreadable input. It follows the responses to all accepted requests. */
  refusal: string
  /** The event-loop tick in which the latest request was begun. */
  begunIn: number
}

/** Node internals without public types. The code checks that each exists before it uses it. */
interface Internals {
  readonly parser?: {
    onIncoming?: ((request: IncomingMessage, keepAlive: boolean) => number) | null
  } | null
}
interface Pending {
  readonly _onPendingData?: (bytes: number) => void
}

/**
 * Executes the requests of one socket one at a time. The next one begins in a later event-loop tick than
 * the previous response, so that the server serves other clients in between. By default Node begins all
 * requests of a chunk at once, even if the client never reads the responses (RFC 9112 §9.3.2 requires only
 * their order).
 */
export class Turns {
  readonly #limits: Limits
  readonly #lines = new WeakMap<Socket, Line>()
  /** Those with a request in progress. */
  readonly #busy = new Set<Line>()
  #waiting = 0
  #stopping = false
  #tick = 0
  /** Whether an immediate is scheduled for the end of this tick: one for all of its requests. */
  #tickEndScheduled = false

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** The number of requests of all sockets that were parsed but not begun. */
  get waiting(): number {
    return this.#waiting
  }

  /** @returns true if the request may begin now; otherwise call {@link wait}. */
  takes(response: Response): boolean {
    const { socket } = response.req
    const line = this.#lines.get(socket) ?? this.#open(socket)
    if (this.#isBusy(line)) return false
    this.#start(line, response)
    return true
  }

  /** @param begin is called when the request may begin, and never if the client disconnects first. */
  wait(response: Response, begin: () => void): void {
    const { socket } = response.req
    const line = this.#lines.get(socket)
    if (line === undefined || socket.destroyed) return
    // Only reached with a Node version whose parser cannot be paused within a chunk.
    if (line.waiting.length >= this.#limits.pipelinedRequests) return void socket.destroy()
    line.waiting.push({ response, begin })
    this.#waiting += 1
    countAsPending(response, WAITING_BYTES)
    if (line.current === null && line.waiting.length === 1)
      setImmediate(() => this.#beginNext(line))
  }

  /** Call it when a response has been written. The next request of its socket then begins. */
  ends(response: Response): void {
    const { socket } = response.req
    const line = this.#lines.get(socket)
    if (line?.current !== response) return
    line.current = null
    this.#busy.delete(line)
    line.early = response.req.complete ? null : response
    if (line.waiting.length > 0) return void setImmediate(() => this.#beginNext(line))
    if (line.closing) finish(line, socket)
    else if (this.#stopping) this.#close(line, socket)
  }

  /** Whether the server ignores further bytes of this client and closes the socket after its responses. */
  isClosing(socket: Socket): boolean {
    return this.#lines.get(socket)?.closing === true
  }

  /**
   * Sends a response to unreadable input, or to the request whose body is unreadable, and closes the socket.
   * The responses to earlier requests go first, because a client assigns responses by their order.
   *
   * @param refusal the whole response as text.
   */
  refuse(socket: Socket, refusal: string): void {
    const line = this.#lines.get(socket) ?? this.#open(socket)
    if (line.closing) return
    const latest = line.waiting.at(-1)?.response ?? line.current ?? line.early
    line.closing = true
    line.refusal = refusal
    this.#linger(socket)
    if (latest?.req.complete === false) {
      if (latest === line.current) {
        // A request without its whole body has no effect yet, so the refusal can be its response.
        if (latest.headersSent) line.refusal = ''
        else line.current = null
      } else if (latest === line.early) line.refusal = ''
      else {
        line.waiting.pop()
        this.#stopWaiting(latest)
      }
    }
    if (line.current === null && line.waiting.length === 0) finish(line, socket)
  }

  /** Uncounts a request that no longer waits. */
  #stopWaiting(response: Response): void {
    this.#waiting -= 1
    countAsPending(response, -WAITING_BYTES)
  }

  #beginNext(line: Line): void {
    const next = line.waiting.shift()
    if (next === undefined) return
    this.#stopWaiting(next.response)
    const closes = (line.closing && line.refusal === '') || this.#stopping
    const last = line.waiting.length === 0 && closes
    if (last) next.response.shouldKeepAlive = false
    this.#start(line, next.response)
    next.begin()
  }

  #start(line: Line, response: Response): void {
    line.current = response
    this.#busy.add(line)
    line.begunIn = this.#tick
    if (this.#tickEndScheduled) return
    this.#tickEndScheduled = true
    setImmediate(() => {
      this.#tick += 1
      this.#tickEndScheduled = false
    })
  }

  /** Whether a request was begun in this event-loop tick, or has no response yet. */
  #isBusy({ current, waiting, begunIn }: Line): boolean {
    return current !== null || waiting.length > 0 || begunIn === this.#tick
  }

  /**
   * From now on the server accepts no further pipelined requests. It executes those that wait, and then closes the
   * connection. Its last response says so, because a client must not send another request then (RFC 9112 §9.6).
   */
  stop(): void {
    this.#stopping = true
    for (const { current, waiting } of this.#busy) {
      if (current?.headersSent === false && waiting.length === 0) current.shouldKeepAlive = false
    }
  }

  #open(socket: Socket): Line {
    const line: Line = {
      current: null,
      early: null,
      waiting: [],
      closing: false,
      refusal: '',
      begunIn: -1,
    }
    this.#lines.set(socket, line)
    socket.once('close', () => {
      this.#busy.delete(line)
      this.#waiting -= line.waiting.length
      line.waiting.length = 0
    })
    const { parser } = socket as Internals // Node internals, see above
    const onIncoming = parser?.onIncoming
    if (!parser || typeof onIncoming !== 'function') return line
    parser.onIncoming = (request, keepAlive) => {
      if (!this.#isBusy(line) || !this.#isFull(line)) {
        return onIncoming.call(parser, request, keepAlive)
      }
      this.#close(line, socket)
      return PARSER_PAUSED
    }
    return line
  }

  #isFull({ closing, waiting }: Line): boolean {
    const { pipelinedRequests, requestsWaiting } = this.#limits
    return (
      closing ||
      this.#stopping ||
      waiting.length >= pipelinedRequests ||
      this.#waiting >= requestsWaiting
    )
  }

  /** Stops reading after the accepted requests. A client must be able to retry the others (RFC 9112 §9.3.2). */
  #close(line: Line, socket: Socket): void {
    if (line.closing) return
    line.closing = true
    this.#linger(socket)
    const { current, waiting } = line
    if (waiting.length > 0) return
    if (current === null) socket.destroySoon()
    else if (!current.headersSent) current.shouldKeepAlive = false
  }

  /**
   * Delays the close. With unread requests, an immediate close would make the system reset the connection,
   * and the client would lose responses that it has not read yet (RFC 9112 §9.6).
   */
  #linger(socket: Socket): void {
    const { lingerMs } = this.#limits
    socket.destroySoon = () => {
      socket.end()
      setTimeout(() => socket.destroy(), lingerMs).unref()
    }
  }
}

function finish({ refusal }: Line, socket: Socket): void {
  if (refusal !== '' && socket.writable) socket.write(refusal)
  socket.destroySoon()
}

/** Makes Node pause reading from a socket with many pending response bytes, and resume later. */
function countAsPending(response: Response, bytes: number): void {
  const { _onPendingData: pending } = response as Pending // Node internals, see above
  pending?.(bytes)
}
