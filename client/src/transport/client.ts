import type { Task } from '../task.ts'
import { type ChangesOptions, type FeedItem, readChanges } from './changes.ts'
import {
  type LooseParts,
  type RequestParts,
  type ResponseBody,
  type Rest,
  type TaskEndpoint,
  toRequest,
} from './endpoint.ts'
import { begin, type Reply, send, toWire, type WireOptions } from './http.ts'
import { waitBeforeRetry } from './retry.ts'
import { type TokenSource, withToken } from './token.ts'
import { newUuid } from './uuid.ts'

export type { Change, NewTask, Task } from '../task.ts'
export type { ChangesOptions, FeedItem } from './changes.ts'
export type { RequestParts, ResponseBody, TaskEndpoint } from './endpoint.ts'
export { ConnectionError, type ProblemCode, TodoError, type ValidationError } from './errors.ts'
export type { Reply } from './http.ts'
export type { TokenSource } from './token.ts'

export interface ClientOptions extends WireOptions {
  /** Where the server is, such as `https://example.com/todo`; empty on pages that the server itself serves. */
  readonly baseUrl: string
  readonly token: TokenSource
  /**
   * The user of all paths; `me`, the user of the token, if it is left out. With an id, the server refuses the token
   * of anyone else, such as of the person who signed in afterwards in another tab: 403 `user_id_mismatch`.
   */
  readonly userId?: string
}

export type RequestOptions<E> = RequestParts<E> & {
  readonly signal?: AbortSignal
  /** How often to send it at most; 3 if it is left out. */
  readonly attempts?: number
}

interface LooseOptions extends LooseParts {
  readonly signal?: AbortSignal
  readonly attempts?: number
}

type ListEndpoint = 'GET /api/{user_id}/tasks' | 'GET /api/{user_id}/tasks/trash'

/** Sends requests for the tasks of one user. */
export interface TodoClient {
  /**
   * Sends a request, such as `request('PATCH /api/{user_id}/tasks/{id}', { params: { id }, body: { title } })`.
   * `user_id` is in each path already.
   *
   * It renews a token that the server refuses, once. After 429, 503 and where there is no response, it waits and
   * sends the request again; POST and PATCH have an `Idempotency-Key`: the server creates a task once, executes a batch
   * once, and ignores the key of most other requests.
   * A second attempt at DELETE may find the task deleted (404), and one with `if-match` its own change (412).
   *
   * @returns the response with its body, as the OpenAPI document describes them.
   * @throws {TodoError} for an error response.
   * @throws {ConnectionError} if there is no response. An abort throws the reason of `signal`.
   */
  request<E extends TaskEndpoint>(
    endpoint: E,
    ...options: Rest<RequestOptions<E>>
  ): Promise<Reply<ResponseBody<E>>>
  /**
   * Reads a list page by page; `query.limit` is the length of a page, 100 if it is left out. A page may be empty,
   * and not be the last.
   *
   * @throws as `request` does.
   */
  pages<E extends ListEndpoint>(
    endpoint: E,
    ...options: Rest<RequestOptions<E>>
  ): AsyncGenerator<ResponseBody<E>, void, undefined>
  /**
   * Reads what changed since a token, in pages, and then each change as soon as it happens, from a stream. When the
   * server ends the stream, such as when the token for tasks expires, it opens another one.
   *
   * It never ends by itself, unless `stream` is false or this program's `fetch` cannot stream.
   *
   * @throws {TodoError} for an error response. `sync_expired` (410): begin again without `since`.
   * @throws {ConnectionError} if there is no response, or the stream is cut or silent. Call it again with the latest
   *   token. An abort throws the reason of `signal`.
   */
  changes(options?: ChangesOptions): AsyncGenerator<FeedItem, void, undefined>
}

/** @returns a client for the tasks of the user whose token `options.token` returns. */
export function createClient(options: ClientOptions): TodoClient {
  const { baseUrl, token: source, userId = 'me' } = options
  const wire = toWire(options)

  async function repeat<Body>(endpoint: string, parts: LooseOptions): Promise<Reply<Body>> {
    const { params, headers, signal, attempts = 3 } = parts
    const request = toRequest(baseUrl, endpoint, {
      ...parts,
      params: { ...params, user_id: params?.user_id ?? userId },
      headers: /^(POST|PATCH)/.test(endpoint)
        ? { 'idempotency-key': newUuid(Date.now()), ...headers }
        : headers,
    })
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withToken(source, request.headers, () => send<Body>(wire, request, signal))
      } catch (error) {
        const ms = attempt < attempts ? waitBeforeRetry(error, attempt) : null
        if (ms === null) throw error
        const call = begin(signal)
        await wire.sleep(ms, call.signal).finally(call.end)
      }
    }
  }

  async function* pages<Body>(endpoint: string, parts: LooseOptions): AsyncGenerator<Body, void> {
    let cursor: string | undefined
    do {
      const query: LooseOptions['query'] = { limit: 100, ...parts.query, ...(cursor && { cursor }) }
      const { body, headers } = await repeat<Body>(endpoint, { ...parts, query })
      yield body
      cursor = headers.get('next-cursor') ?? undefined
    } while (cursor !== undefined)
  }

  // The options have been checked against the endpoint; from here on they are parts of any request.
  return {
    request: (endpoint, ...[options]) => repeat(endpoint, (options ?? {}) as LooseOptions),
    pages: (endpoint, ...[options]) => pages(endpoint, (options ?? {}) as LooseOptions),
    changes: (options = {}) =>
      readChanges({ wire, baseUrl, source, userId: options.userId ?? userId }, options),
  }
}

/** @returns the ETag of a task that was read, for `if-match`. */
export function etagOf({ updated_at: updatedAt }: Pick<Task, 'updated_at'>): string {
  return `"${updatedAt}"`
}
