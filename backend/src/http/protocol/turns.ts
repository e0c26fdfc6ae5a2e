import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits } from '../../core/limits.ts'

type Response = ServerResponse<IncomingMessage>

/** llhttp's code for a paused parser (HPE_PAUSED): it stops reading, even within this chunk. */
const PARSER_PAUSED = 21
/** Estimated memory, in bytes, of a request that was parsed but not begun. Node stops reading at 16 of them. */
const WAITING_BYTES = 4_096

/** The requests of one socket: the one in progress, and those waiting behind it. */
interface Line {
  current: Response | null
  /** The latest response that was written before the body of its request had arrived. */
  early: Response | null
  readonly waiting: { readonly response: Response; readonly begin: () => void }[]
  /** The socket accepts no more requests, and closes after the last accepted one. */
  closing: boolean
  /** The response to what cannot be read, which follows the responses to all accepted requests. */
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
 * Executes the requests of one socket one at a time. The next one begins when the previous response
 * is written, and in another event-loop tick, so that other clients are served in between. Node by
 * itself begins all requests of a chunk at once, even if the client never reads the responses
 * (RFC 9112 §9.3.2 requires only their order).
 */
export class Turns {
  readonly #limits: Limits
  readonly #lines = new WeakMap<Socket, Line>()
  #waiting = 0
  #stopping = false
  #turn = 0
  /** Whether an immediate is scheduled for the end of this tick: one for all of its requests. */
  #turnEnds = false

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
    this.#begins(line, response)
    return true
  }

  /** @param begin is called when the request's turn comes, and never if the client disconnects first. */
  wait(response: Response, begin: () => void): void {
    const { socket } = response.req
    const line = this.#lines.get(socket)
    if (line === undefined || socket.destroyed) return
    // For a Node version whose parser cannot be paused within a chunk.
    if (line.waiting.length >= this.#limits.pipelinedRequests) return void socket.destroy()
    line.waiting.push({ response, begin })
    this.#waiting += 1
    countAsPending(response, WAITING_BYTES)
    if (line.current === null && line.waiting.length === 1) setImmediate(() => this.#next(line))
  }

  /** To be called when a response is written: the next request of its socket begins. */
  ends(response: Response): void {
    const { socket } = response.req
    const line = this.#lines.get(socket)
    if (line?.current !== response) return
    line.current = null
    line.early = response.req.complete ? null : response
    if (line.waiting.length > 0) setImmediate(() => this.#next(line))
    else if (line.closing) leave(line, socket)
  }

  /** Whether the server ignores further bytes of this client, and closes the socket after its responses. */
  isClosing(socket: Socket): boolean {
    return this.#lines.get(socket)?.closing === true
  }

  /**
   * Answers bytes that are no request, or the request with such a body, with this text, then closes the
   * socket. The responses to earlier requests go first, because a client takes responses in order.
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
        // Nothing is done before a body is whole, so the refusal may be its response.
        if (latest.headersSent) line.refusal = ''
        else line.current = null
      } else if (latest === line.early) line.refusal = ''
      else {
        line.waiting.pop()
        this.#leftLine(latest)
      }
    }
    if (line.current === null && line.waiting.length === 0) leave(line, socket)
  }

  /** To be called when a request waits no longer. */
  #leftLine(response: Response): void {
    this.#waiting -= 1
    countAsPending(response, -WAITING_BYTES)
  }

  #next(line: Line): void {
    const next = line.waiting.shift()
    if (next === undefined) return
    this.#leftLine(next.response)
    const closes = (line.closing && line.refusal === '') || this.#stopping
    const last = line.waiting.length === 0 && closes
    if (last) next.response.shouldKeepAlive = false
    this.#begins(line, next.response)
    next.begin()
  }

  #begins(line: Line, response: Response): void {
    line.current = response
    line.begunIn = this.#turn
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => {
      this.#turn += 1
      this.#turnEnds = false
    })
  }

  /** Whether a request was begun in this event-loop tick, or is not answered yet. */
  #isBusy({ current, waiting, begunIn }: Line): boolean {
    return current !== null || waiting.length > 0 || begunIn === this.#turn
  }

  /** From now on the server accepts no request behind another. It answers those that wait. */
  stop(): void {
    this.#stopping = true
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
      this.#waiting -= line.waiting.length
      line.waiting.length = 0
    })
    const { parser } = socket as Internals // Node's, see above
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

  /** The server answers the accepted requests; a client must be ready to send the others again. */
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
   * If Node closed at once, the unread requests would make the system reset the connection, and the
   * client would lose responses that it has not read yet (RFC 9112 §9.6).
   */
  #linger(socket: Socket): void {
    const { lingerMs } = this.#limits
    socket.destroySoon = () => {
      socket.end()
      setTimeout(() => socket.destroy(), lingerMs).unref()
    }
  }
}

function leave({ refusal }: Line, socket: Socket): void {
  if (refusal !== '' && socket.writable) socket.write(refusal)
  socket.destroySoon()
}

/** Node pauses reading from a socket with many pending response bytes, and resumes by itself. */
function countAsPending(response: Response, bytes: number): void {
  const { _onPendingData: pending } = response as Pending // Node's, see above
  pending?.(bytes)
}
