import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as rest } from 'node:timers/promises'

/** Nothing was found out, for a reason that one line tells. */
export class CannotRun extends Error {
  override name = 'CannotRun'
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Sending {
  /** The token, or what Authorization has instead. Several are several headers. */
  readonly as?: string | readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as it is, as JSON. */
  readonly body?: string | undefined
}

/** The longest that one answer is waited for. */
const TIMEOUT_MS = 15_000
/** The longest that a server may ask to wait. */
const LONGEST_WAIT_SECONDS = 300
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
 * Speaks to the server one request at a time, and writes the path out as it is given, which `fetch`
 * would put into another spelling.
 */
export class Client {
  readonly #url: URL
  readonly #prefix: string
  readonly #agent: HttpAgent
  readonly #tell: (line: string) => void
  readonly #stop: AbortSignal

  /** @param stop no request is begun after it; the one under way is waited for. */
  constructor(url: URL, tell: (line: string) => void, stop = new AbortController().signal) {
    this.#url = url
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#agent = new (url.protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true })
    this.#tell = tell
    this.#stop = stop
  }

  /** A 429 is waited out. @throws {CannotRun} when there is no answer. */
  async send(method: string, path: string, sending: Sending = {}): Promise<Answer> {
    for (let waits = 0; ; waits += 1) {
      if (this.#stop.aborted) throw new CannotRun('Stopped before the end')
      const answer = await this.#exchange(method, path, sending)
      if (answer.status !== 429) return answer
      const seconds = secondsToWait(answer)
      if (waits === MOST_WAITS || seconds > LONGEST_WAIT_SECONDS) {
        throw new CannotRun(`${method} ${path} stays above a limit of requests: try again later`)
      }
      this.#tell(`A limit of requests is used up: waiting ${seconds} s`)
      // A connection that idles for so long may be closed just when the next request is sent.
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
        reject(new CannotRun(`${this.#url} gives no answer to ${method} ${path}: ${reason}`))
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

/** Connecting to several addresses fails with several errors and no message of its own. */
function describe(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : []
  return first instanceof Error ? first.message : error.message
}

/** RFC 9110 §10.2.3: seconds, or a date. Better Auth names it X-Retry-After. */
function secondsToWait({ headers }: Answer): number {
  const value = String(headers['retry-after'] ?? headers['x-retry-after'] ?? '1')
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1
}
