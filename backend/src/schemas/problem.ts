import { ERRORS, type ErrorCode } from '../core/errors.ts'

/** An error as the client gets it: RFC 9457, with the stable code in `error`. */
export const Problem = {
  $id: 'Problem',
  type: 'object',
  description: 'An error (RFC 9457); error is the code to program against',
  required: ['error', 'status', 'title', 'detail', 'request_id'],
  properties: {
    error: { enum: Object.keys(ERRORS) },
    status: { type: 'integer' },
    title: { type: 'string' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      description: 'The first validation errors, where the request is not valid',
      items: {
        type: 'object',
        required: ['in', 'path', 'message'],
        properties: {
          in: { enum: ['body', 'query', 'path', 'header'] },
          path: {
            type: 'string',
            description: 'RFC 6901 pointer to the place, truncated if it is long',
          },
          message: { type: 'string' },
        },
      },
    },
    more: {
      type: 'integer',
      description: 'The number of validation errors beyond those in errors',
    },
    code: { type: 'string', description: 'Under /api/auth: what Better Auth calls it' },
    message: { type: 'string', description: 'Under /api/auth: what Better Auth says of it' },
    request_id: { type: 'string', description: 'What the log has this request under' },
  },
} as const

/** Codes any request can be answered with, whatever it asks for. */
const ALWAYS: ErrorCode[] = ['bad_request', 'internal_error']

/**
 * The OpenAPI responses of an operation: its own, by status, and the problems it can answer with
 * beside those common to all. Unknown to the type system, since answers are sent as finished text.
 */
export function answers(own: Record<number, object>, ...codes: ErrorCode[]): unknown {
  return { ...own, ...Object.fromEntries([...codes, ...ALWAYS].map(problem)) }
}

function problem(code: ErrorCode): [status: number, response: object] {
  const { status, title, detail } = ERRORS[code]
  const example = { error: code, status, title, detail, request_id: 'k3f9x2-1a' }
  return [
    status,
    {
      description: `\`${code}\`: ${detail}`,
      headers: PROBLEM_HEADERS[code] ?? {},
      content: { 'application/problem+json': { schema: { $ref: 'Problem#' }, example } },
    },
  ]
}

const text = (description: string) => ({ description, type: 'string' })
const PROBLEM_HEADERS: Partial<Record<ErrorCode, Record<string, object>>> = {
  unauthorized: {
    'WWW-Authenticate': text('Bearer, and error="invalid_token" where one was sent'),
  },
  method_not_allowed: { Allow: text('The methods this path takes') },
  too_many_requests: {
    'Retry-After': text('Seconds until the limit is renewed'),
    RateLimit: text('What is left of the limit'),
    'RateLimit-Policy': text('The limit and its window in seconds'),
  },
  service_unavailable: { 'Retry-After': text('Seconds') },
}
