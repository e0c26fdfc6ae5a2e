import type { ErrorCode } from '../../core/errors.ts'
import { responses } from '../../schemas/problem.ts'

/** An endpoint of Better Auth that is served; every other is 404. */
export interface AccountOperation {
  readonly method: 'GET' | 'POST'
  /** Below `/api/auth`, in Fastify's form and Better Auth's. */
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly description: string
  /** Takes a session: as a bearer token, or as the cookie. */
  readonly session?: 'required' | 'optional'
  readonly body?: object
  /** The operation works without a body, too. */
  readonly bodyOptional?: true
  readonly query?: object
  readonly answer: object
  /** Redirects to a page, always or in one of two cases. */
  readonly redirects?: true
  /** Makes a session, whoever asks. */
  readonly signsIn?: true
  /** May hash a password: these are let in by turns. */
  readonly hashes?: true
}

/** What every operation on accounts can fail with, whatever it asks for. */
const FAILURES: ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'not_found',
  'conflict',
  'validation_error',
  'too_many_requests',
  'service_unavailable',
]

/** In OpenAPI an empty requirement says that none is needed. */
const SECURITY = {
  required: [{ session: [] }, { cookie: [] }],
  optional: [{ session: [] }, { cookie: [] }, {}],
}

/** The schema of a route: what is checked, and what the OpenAPI document says. */
export function accountSchema(operation: AccountOperation) {
  const { id, summary, description, session, body, bodyOptional, query, answer } = operation
  const { redirects = false } = operation
  const withBody: ErrorCode[] = body ? ['payload_too_large', 'unsupported_media_type'] : []
  return {
    tags: ['accounts'],
    operationId: id,
    summary,
    description,
    ...(session && { security: SECURITY[session] }),
    ...(body && { body }),
    ...(bodyOptional && { 'x-optional-body': true }),
    ...(query && { querystring: query }),
    ...responses(
      {
        ...(Object.keys(answer).length > 0 && {
          200: {
            description: 'The request succeeded',
            content: { 'application/json': { schema: answer } },
          },
        }),
        ...(redirects && {
          302: { description: 'Redirects to the page, with `error` in the query after a failure' },
        }),
      },
      ...FAILURES,
      ...withBody,
    ),
  }
}
