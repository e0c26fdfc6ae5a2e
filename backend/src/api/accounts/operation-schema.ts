import type { ErrorCode } from '../../core/errors.ts'
import { responses } from '../../schemas/problem.ts'

/** An endpoint of Better Auth that this server serves. All others are 404. */
export interface AccountOperation {
  readonly method: 'GET' | 'POST'
  /** Relative to `/api/auth`. Fastify and Better Auth write parameters in the same way. */
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly description: string
  /** Whether the operation needs a session, as a bearer token or as a cookie. */
  readonly session?: 'required' | 'optional'
  readonly body?: object
  /** The client may omit the body. */
  readonly bodyOptional?: true
  readonly query?: object
  readonly response: object
  /** The response can be a redirect to a page. */
  readonly redirects?: true
  /** Creates a session and ignores an existing one. */
  readonly signsIn?: true
  /** Begins a redirect by the page of a provider. */
  readonly opensProvider?: true
  /** The view of the web page that tells a person that their mailed link is not valid. */
  readonly viewOfInvalidLink?: '/sign-in' | '/reset-password'
  /** Has the token of a mailed link in its query. */
  readonly opensMailedLink?: true
  /** May hash a password. A bounded number of these requests run at once. */
  readonly hashes?: true
  /** Revokes the tokens of the user. */
  readonly revokes?: true
}

/** The problems of every operation on accounts. */
const FAILURES: ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'not_found',
  'conflict',
  'validation_error',
  'too_many_requests',
  'service_unavailable',
]

/** In OpenAPI an empty requirement object makes security optional (Security Requirement Object). */
const SECURITY = {
  required: [{ session: [] }, { cookie: [] }],
  optional: [{ session: [] }, { cookie: [] }, {}],
}

/** @returns the route's schema, for validation and for the OpenAPI document. */
export function accountSchema(operation: AccountOperation) {
  const { id, summary, description, session, body, bodyOptional, query, response } = operation
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
        ...(Object.keys(response).length > 0 && {
          200: {
            description: 'The request succeeded',
            content: { 'application/json': { schema: response } },
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
