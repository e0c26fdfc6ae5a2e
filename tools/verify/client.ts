import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as rest } from 'node:timers/promises'

/** The verification has no result. The message gives the reason in one line. */
export class CannotRun extends Error {
  override name = 'CannotRun'
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Sending {
  /** The token, or another value of Authorization. A list becomes several headers. */
  readonly as?: string | readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The JSON text of the body. */
  readonly body?: string | undefined
}

/** The longest wait for a response. */
const TIMEOUT_MS = 15_000
/** The longest accepted Retry-After. */
const MAX_RETRY_SECONDS = 300
const MOST_WAITS = 5

/** @throws {CannotRun} */
export function readAddress(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new CannotRun(`${text} is no address such as https://todo.example.com`)
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new CannotRun(`${text} has more than a host and a path: leave the rest out`)
  }
  return url
}

/**
 * Sends one request at a time, with the path exactly as given. `fetch` would normalize it.
 */
export class Client {
  readonly #url: URL
  readonly #prefix: string
  readonly #agent: HttpAgent
  readonly #report: (line: string) => void
  readonly #stop: AbortSignal

  /** @param stop prevents further requests. The client still waits for the one in progress. */
  constructor(url: URL, report: (line: string) => void, stop = new AbortController().signal) {
    this.#url = url
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#agent = new (url.protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true })
    this.#report = report
    this.#stop = stop
  }

  /** Sends a request, and retries after a 429. @throws {CannotRun} if there is no response. */
  async send(method: string, path: string, sending: Sending = {}): Promise<Answer> {
    for (let waits = 0; ; waits += 1) {
      if (this.#stop.aborted) throw new CannotRun('Stopped before the end')
      const answer = await this.#exchange(method, path, sending)
      if (answer.status !== 429) return answer
      const seconds = secondsToWait(answer)
      if (waits === MOST_WAITS || seconds > MAX_RETRY_SECONDS) {
        throw new CannotRun(`${method} ${path} stays above a limit of requests: try again later`)
      }
      this.#report(`A limit of requests is used up: waiting ${seconds} s`)
      // The server may close a connection that was idle for long just before the next request.
      this.#agent.destroy()
      await rest(seconds * 1_000, undefined, { signal: this.#stop }).catch(() => {})
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #exchange(method: string, path: string, { as, headers, body }: Sending): Promise<Answer> {
    const request = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
    const authorization = as === undefined ? [] : [as].flat()
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        const reason = error instanceof CannotRun ? error.message : describe(error)
        reject(new CannotRun(`${this.#url} does not answer ${method} ${path}: ${reason}`))
      }
      const sent = request(this.#url, {
        method,
        path: `${this.#prefix}${path}`,
        agent: this.#agent,
        headers: {
          ...headers,
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      })
      if (authorization.length > 0) sent.setHeader('authorization', authorization.map(bearer))
      const timer = setTimeout(() => {
        sent.destroy(new CannotRun(`none came within ${TIMEOUT_MS / 1_000} s`))
      }, TIMEOUT_MS)
      sent.on('close', () => clearTimeout(timer))
      sent.on('error', fail)
      sent.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      })
      sent.end(body)
    })
  }
}

const bearer = (value: string) => (value.includes(' ') || value === '' ? value : `Bearer ${value}`)

/** A failed connection to several addresses is an AggregateError without a message. */
function describe(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : []
  return first instanceof Error ? first.message : error.message
}

/** @returns Retry-After, which has seconds or a date (RFC 9110 §10.2.3). Better Auth sends X-Retry-After. */
function secondsToWait({ headers }: Answer): number {
  const value = String(headers['retry-after'] ?? headers['x-retry-after'] ?? '1')
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1
}
