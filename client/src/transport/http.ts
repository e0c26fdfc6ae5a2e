import type { PlainRequest } from './endpoint.ts'
import { ConnectionError, TodoError } from './errors.ts'

/** Resolves after `ms`, or rejects with the signal's reason. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

type Credentials = NonNullable<RequestInit['credentials']>

/** How requests leave this program. */
export interface Wire {
  readonly fetch: typeof globalThis.fetch
  readonly sleep: Sleep
  /** How long a response may take to be complete, in milliseconds. */
  readonly timeoutMs: number
}

/** A successful response. */
export interface Reply<Body> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface WireOptions {
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** In place of a timer, for tests. */
  readonly sleep?: Sleep
  /** How long a response may take to be complete, in milliseconds; 30 000 if it is left out. A stream may take longer. */
  readonly timeoutMs?: number
}

export function toWire({ fetch, sleep = wait, timeoutMs = 30_000 }: WireOptions): Wire {
  // Browsers refuse to call fetch as a method of another object.
  return { fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)), sleep, timeoutMs }
}

/**
 * @param credentials whether cookies go with the request.
 * @returns the response with its body, read from JSON; undefined for 204. The caller knows its type.
 * @throws {TodoError} for an error response.
 * @throws {ConnectionError} if there is no complete response. An abort throws the reason of `signal`.
 */
export async function send<Body>(
  wire: Wire,
  request: PlainRequest,
  signal: AbortSignal | undefined,
  credentials?: Credentials,
): Promise<Reply<Body>> {
  const call = begin(signal)
  call.abortAfter(wire.sleep, wire.timeoutMs, 'There was no response in time')
  try {
    const response = await open(wire, request, call.signal, credentials)
    const text = await orConnectionError(response.text(), call.signal)
    const body = response.status === 204 ? undefined : parse(text)
    return { status: response.status, headers: response.headers, body: body as Body }
  } finally {
    call.end()
  }
}

/** @returns a successful response, its body unread. @throws as {@link send} does. */
export async function open(
  wire: Wire,
  { url, ...init }: PlainRequest,
  signal: AbortSignal,
  credentials: Credentials = 'same-origin',
): Promise<Response> {
  signal.throwIfAborted()
  const response = await orConnectionError(
    wire.fetch(url, { ...init, credentials, signal }),
    signal,
  )
  if (response.ok) return response
  const text = await orConnectionError(response.text(), signal)
  const isProblem = response.headers.get('content-type')?.includes('problem+json')
  throw new TodoError(response, isProblem ? parse(text) : {})
}

export async function orConnectionError<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  try {
    return await promise
  } catch (cause) {
    signal.throwIfAborted()
    throw new ConnectionError('The response is not complete', { cause })
  }
}

// biome-ignore lint/suspicious/noExplicitAny: data enters here, and the OpenAPI document gives its type
export function parse(text: string): any {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // Such as the sign-in page of a network that answers every request itself.
    throw new ConnectionError('The response is not JSON', { cause })
  }
}

/** An exchange that the caller, or a time without progress, can end. */
export interface Call {
  readonly signal: AbortSignal
  /** Ends the exchange with a ConnectionError after `ms`, unless the function that it returns is called before. */
  abortAfter(sleep: Sleep, ms: number, message: string): () => void
  /** Ends the exchange if it is still open, and all timers. */
  end(): void
}

/** @param outer ends the exchange with its reason. */
export function begin(outer: AbortSignal | undefined): Call {
  const controller = new AbortController()
  const follow = () => controller.abort(outer?.reason)
  const timers = new Set<AbortController>()
  if (outer?.aborted) follow()
  // `end` removes it.
  outer?.addEventListener('abort', follow, { signal: controller.signal })
  return {
    signal: controller.signal,
    abortAfter(sleep, ms, message) {
      const timer = new AbortController()
      timers.add(timer)
      const expire = () => controller.abort(new ConnectionError(message))
      sleep(ms, timer.signal).then(expire, () => {})
      return () => {
        timers.delete(timer)
        timer.abort()
      }
    },
    end() {
      for (const timer of timers) timer.abort()
      controller.abort()
    },
  }
}

/** Waits with a timer. The signal is of this waiting alone. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
}
