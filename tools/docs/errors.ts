import type { ErrorCode } from '../../backend/src/core/errors.ts'

/** The causes of each error, in Markdown. */
export const ERROR_CAUSES: Readonly<Record<ErrorCode, string>> = {
  bad_request:
    'The body is not JSON or not UTF-8, the percent-encoding is broken, or the request is not HTTP, has not exactly one `Host`, or has a `Transfer-Encoding` other than `chunked`. After the last three the server closes the connection.',
  unauthorized:
    'The request has no token or an invalid one. `WWW-Authenticate` is `Bearer realm="todo"`, with `error="invalid_token"` and the reason in `error_description` if the request has a bearer token.',
  user_id_mismatch: 'The token is valid, but does not belong to the user in the path.',
  forbidden:
    'Under `/api/auth`: the origin or the page is not trusted, or the address is not verified.',
  not_found: 'There is no such path, or this user has no such task.',
  method_not_allowed: 'The path does not support the method. `Allow` lists the supported ones.',
  request_timeout:
    'The headers or the whole request arrived too late. The server closes the connection.',
  conflict:
    'A request with the same `Idempotency-Key` is in progress; see `Retry-After`. The `id` of a new task is that of a deleted one. Under `/api/auth`: the change would violate a unique constraint.',
  sync_expired:
    'The token in `since` has expired, or the database was restored since it was given. Read the changes without `since`.',
  precondition_failed:
    '`If-Match`, or `if_match` of an operation, does not contain the current `ETag` of the task.',
  payload_too_large:
    'The body is too large, with or without chunks; or the response to a batch is too large to be stored under its `Idempotency-Key`.',
  unsupported_media_type:
    'The body is not `application/json`, its charset is not UTF-8, or it has a content encoding.',
  validation_error: 'Body, query or header can be read, but violate a rule. `errors` lists them.',
  too_many_requests:
    'The user has exceeded the rate limit (`Retry-After`, `RateLimit`, `RateLimit-Policy`), or the clients of the user have too many response bytes still to read (`Retry-After`).',
  headers_too_large:
    'The request line and headers are too large. The server closes the connection.',
  internal_error: 'An error of the server. Only the log has the cause.',
  service_unavailable:
    'The database is unreachable, overloaded or too slow, clients have too many response bytes still to read, or the server is stopping. See `Retry-After`.',
}
