import type { components } from '../api.ts'

type Problem = components['schemas']['Problem']

/** A stable code of docs/errors.md. Under `/api/auth` it is the code of Better Auth, such as `INVALID_PASSWORD`. */
export type ProblemCode = Problem['error'] | (string & {})
/** A fault of a request: `path` is a JSON pointer (RFC 6901), such as `/title`. */
export type ValidationError = NonNullable<Problem['errors']>[number]

/** An error response of the server, or of a proxy before it. */
export class TodoError extends Error {
  override readonly name = 'TodoError'
  /** The status code of HTTP. */
  readonly status: number
  /** For programs. `unexpected_response`: the response is not from Todo Backend, but from a proxy. */
  readonly code: ProblemCode
  /** For people; the same as `message`. */
  readonly detail: string
  /** The first 20 faults of the request, empty unless the code is `validation_error` or the request is a batch. */
  readonly errors: readonly ValidationError[]
  /** The operator finds the request in the log by it; null if no server has set one. */
  readonly requestId: string | null
  /** How long the server asks to wait, in milliseconds, at most an hour; null if it does not. */
  readonly retryAfterMs: number | null

  constructor(response: Pick<Response, 'status' | 'headers'>, problem: Partial<Problem>) {
    const detail = problem.detail ?? `The server responded with ${response.status}`
    super(detail)
    this.status = response.status
    this.code = problem.code ?? problem.error ?? 'unexpected_response'
    this.detail = detail
    this.errors = problem.errors ?? []
    this.requestId = response.headers.get('x-request-id')
    this.retryAfterMs = retryAfter(response.headers)
  }
}

/**
 * There is no complete response: the server is unreachable, the connection was cut, or nothing came in time.
 * The server may have executed the request. `cause` is the error of `fetch`, if there is one.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** Servers and proxies that ask for more are wrong, and timers cannot wait longer than 24 days. */
const LONGEST_MS = 3_600_000

/** Retry-After is in seconds; some proxies send a date (RFC 9110 §10.2.3), which counts from `Date`. */
function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')
  if (!value?.trim()) return null
  const seconds = Number(value)
  const ms = Number.isNaN(seconds)
    ? Date.parse(value) - Date.parse(headers.get('date') ?? '')
    : seconds * 1_000
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), LONGEST_MS)
}
