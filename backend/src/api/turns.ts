import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits } from '../core/limits.ts'

type Response = ServerResponse<IncomingMessage>

/** llhttp's code for a parser that a callback paused: it reads no further, not even in this chunk. */
const PARSER_PAUSED = 21
/** About what a request takes that was read and not begun. Node stops reading at 16 of them. */
const WAITING_BYTES = 4_096

/** The requests of one socket: the one that is being answered, and those behind it. */
interface Line {
  current: Response | null
  readonly waiting: { readonly response: Response; readonly begin: () => void }[]
  /** No more are taken; the last one that was closes the connection. */
  closing: boolean
  /** The turn of the event loop in which one was begun last. */
  begunIn: number
}

/** What Node has and its types do not. Each is looked for before it is used. */
interface Internals {
  readonly parser?: {
    onIncoming?: ((request: IncomingMessage, keepAlive: boolean) => number) | null
  } | null
}
interface Pending {
  readonly _onPendingData?: (bytes: number) => void
}

const lines = new WeakMap<Socket, Line>()

/** How many answers a socket is owed, and the one that was asked for last. */
export function owedTo(socket: Socket): { unanswered: number; latest: Response | null } {
  const { current = null, waiting = [] } = lines.get(socket) ?? {}
  return {
    unanswered: (current === null ? 0 : 1) + waiting.length,
    latest: waiting.at(-1)?.response ?? current,
  }
}

/** Whether what the client still sends is dropped, until its answers are written and it is closed. */
export function isClosing(socket: Socket): boolean {
  return lines.get(socket)?.closing === true
}

/**
 * Has the requests of one socket answered in turn: the next is begun when the answer before it is
 * written out, and in another turn of the event loop, so that others are served in between. Node by
 * itself begins all requests of a chunk at once, whether or not their answers are ever taken
 * (RFC 9112 §9.3.2 asks for their order alone).
 */
export class Turns {
  readonly #limits: Limits
  #waiting = 0
  #stopping = false
  #turn = 0
  /** Whether the present one is known to end: one immediate for all requests of it. */
  #turnEnds = false

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Requests that were read and not begun, of all sockets. */
  get waiting(): number {
    return this.#waiting
  }

  /** Takes the turn of the socket, if it is free; otherwise the request is to wait. */
  takes(response: Response): boolean {
    const { socket } = response.req
    const line = lines.get(socket) ?? this.#open(socket)
    if (this.#isBusy(line)) return false
    this.#begins(line, response)
    return true
  }

  /** @param begin is called when its turn comes, and never when the client is gone before. */
  wait(response: Response, begin: () => void): void {
    const { socket } = response.req
    const line = lines.get(socket)
    if (line === undefined || socket.destroyed) return
    // Where Node does not let itself be stopped inside of a chunk.
    if (line.waiting.length >= this.#limits.pipelinedRequests) return void socket.destroy()
    line.waiting.push({ response, begin })
    this.#waiting += 1
    countAsPending(response, WAITING_BYTES)
    if (line.current === null && line.waiting.length === 1) setImmediate(() => this.#next(line))
  }

  /** The answer of the socket's turn is written out. */
  ends(response: Response): void {
    const { socket } = response.req
    const line = lines.get(socket)
    if (line?.current !== response) return
    line.current = null
    if (line.waiting.length > 0) setImmediate(() => this.#next(line))
    else if (line.closing) socket.destroySoon()
  }

  #next(line: Line): void {
    const next = line.waiting.shift()
    if (next === undefined) return
    this.#waiting -= 1
    countAsPending(next.response, -WAITING_BYTES)
    const last = line.waiting.length === 0 && (line.closing || this.#stopping)
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

  /** One was begun in this very turn of the event loop, or is not answered yet. */
  #isBusy({ current, waiting, begunIn }: Line): boolean {
    return current !== null || waiting.length > 0 || begunIn === this.#turn
  }

  /** From now on no request is taken behind another; those that wait are answered. */
  stop(): void {
    this.#stopping = true
  }

  #open(socket: Socket): Line {
    const line: Line = { current: null, waiting: [], closing: false, begunIn: -1 }
    lines.set(socket, line)
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

  /** Those that were taken are answered; a client must be ready to send the others again. */
  #close(line: Line, socket: Socket): void {
    if (line.closing) return
    line.closing = true
    const { lingerMs } = this.#limits
    // Node would close at once, and the system throw answers away that the client has not read yet,
    // because of what it has sent in vain (RFC 9112 §9.6).
    socket.destroySoon = () => {
      socket.end()
      setTimeout(() => socket.destroy(), lingerMs).unref()
    }
    const { current, waiting } = line
    if (waiting.length > 0) return
    if (current === null) socket.destroySoon()
    else if (!current.headersSent) current.shouldKeepAlive = false
  }
}

/** Node stops reading from a socket for whose answers much is pending, and goes on by itself. */
function countAsPending(response: Response, bytes: number): void {
  const { _onPendingData: pending } = response as Pending // Node's, see above
  pending?.(bytes)
}
