import type { FastifyReply, FastifyRequest } from 'fastify'
import { ADDRESS_HEADER, TOKEN_HEADERS } from '../../accounts/http.ts'
import type { Config } from '../../core/config/config.ts'
import { AppError, type ErrorCode, type Reason, unauthorized } from '../../core/errors.ts'
import { BEARER_JWT, sendsBearer } from '../../http/identity/authenticate.ts'
import type { Revocations } from '../../http/identity/revocations.ts'
import { clientAddress } from '../../http/protocol/client-network.ts'
import type { AccountOperation } from './operation-schema.ts'

/** The request headers that Better Auth receives. It must not see headers that it trusts from proxies. */
const PASSED_ON = ['authorization', 'cookie', 'origin', 'referer', 'user-agent', 'accept']
/** Better Auth recognizes browsers by these. Node's fetch sends some of them too, but no Origin. */
const FETCH_METADATA = ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']
const RESPONSE_HEADERS = ['location', ...TOKEN_HEADERS]

/** The address of this server, as Better Auth knows it. */
type Address = Pick<Config, 'publicUrl' | 'basePath'>

export interface WebRequestOptions
  extends Pick<AccountOperation, 'signsIn' | 'opensProvider' | 'opensMailedLink'> {
  readonly address: Address
  readonly revocations: Revocations
}

/**
 * Converts a request for Better Auth. The route's schema has validated the body, and the server sets
 * the client's address.
 *
 * @throws {AppError} `not_found` if URL parsing would change the path.
 */
export function toWebRequest(request: FastifyRequest, options: WebRequestOptions): Request {
  const { headers: given, method, body } = request
  const { address, signsIn, opensProvider } = options
  const headers = new Headers({ [ADDRESS_HEADER]: clientAddress(request) })
  const fromPage = given.cookie !== undefined || given.origin !== undefined
  for (const name of fromPage ? [...PASSED_ON, ...FETCH_METADATA] : PASSED_ON) {
    const value = given[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  // Mobile apps send cookies without an Origin, which Better Auth refuses. A bearer token and a
  // sign-in do not need the cookie, so it is dropped.
  if (given.authorization !== undefined || (signsIn && !headers.has('origin'))) {
    for (const name of ['cookie', ...FETCH_METADATA]) headers.delete(name)
  }
  // Without a page, Better Auth redirects to the root of the host, where another program may be.
  const page = opensProvider && address.basePath !== '' ? { callbackURL: address.publicUrl } : {}
  const content = method === 'POST' ? { body: JSON.stringify({ ...page, ...(body ?? {}) }) } : {}
  if (method === 'POST') headers.set('content-type', 'application/json')
  return new Request(addressOf(request, options), { method, headers, ...content })
}

/** Refuses a path that `URL` would normalize, because the router has matched the path as sent. */
function addressOf(
  request: FastifyRequest,
  { address: { publicUrl, basePath }, opensMailedLink, revocations }: WebRequestOptions,
): URL {
  const target = `${basePath}${request.url}`
  const address = new URL(target, publicUrl)
  if (address.pathname !== target.split('?')[0]) throw new AppError('not_found')
  if (opensMailedLink && isForeignToken(request, revocations))
    address.searchParams.set('token', 'none')
  return address
}

/**
 * Sends Better Auth's response with its cookies and tokens.
 *
 * @throws {AppError} for a status from 400, so that it becomes a problem (contract §3).
 */
export async function sendResponse(
  reply: FastifyReply,
  request: FastifyRequest,
  response: Response,
): Promise<FastifyReply> {
  for (const cookie of response.headers.getSetCookie()) reply.header('set-cookie', cookie)
  if (response.status >= 400) throw await readProblem(response, request)
  for (const name of RESPONSE_HEADERS) {
    const value = response.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  const text = await response.text()
  reply.code(response.status)
  return text === '' ? reply.send() : reply.type('application/json').send(text)
}

const CODES: Record<number, ErrorCode> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  422: 'validation_error',
  503: 'service_unavailable',
}

/** @param reason Better Auth's own code and message, which clients of Better Auth expect. */
export function problemOf(status: number, reason: Reason, request: FastifyRequest): AppError {
  const options = { detail: reason.message, reason }
  if (status === 401) {
    const description = sendsBearer(request) ? { description: reason.message } : {}
    const check = reason.code === NO_SESSION ? 'session' : reason.code
    return unauthorized({ check, ...description }, options)
  }
  return new AppError(CODES[status] ?? 'bad_request', options)
}

async function readProblem(response: Response, request: FastifyRequest): Promise<AppError> {
  const { status } = response
  // Better Auth's logger has already logged the cause.
  if (status >= 500 && status !== 503) return new AppError('internal_error')
  const body: unknown = await response.json().catch(() => null)
  const { code, message } = (body ?? {}) as Partial<Record<string, unknown>> // sent by Better Auth
  const said = typeof message === 'string' && message !== '' ? message : 'The request was refused'
  const named = typeof code === 'string' && CODE.test(code.toUpperCase())
  const known = named ? code.toUpperCase() : (CODES[status] ?? 'bad_request').toUpperCase()
  return problemOf(status, { code: known, message: inOurWords(known, said, request) }, request)
}

/** Better Auth's answer to a change of the address, which has no code. */
const NO_MAIL = "Verification email isn't enabled"

/** Better Auth's code where it finds no session. */
const NO_SESSION = 'UNAUTHORIZED'

/** The form of Better Auth's codes. */
const CODE = /^[A-Z][A-Z0-9_]+$/

/** The members of a body or a query that name a page, by the code with which Better Auth refuses its origin. */
const PAGES: Record<string, readonly string[]> = {
  INVALID_CALLBACK_URL: ['callbackURL', 'redirectTo'],
  INVALID_REDIRECT_URL: ['redirectTo'],
  INVALID_ERROR_CALLBACK_URL: ['errorCallbackURL'],
  INVALID_NEW_USER_CALLBACK_URL: ['newUserCallbackURL'],
}

/** Says why there is no session, or names the setting that an operator can change and the origin that is not trusted. */
function inOurWords(code: string, message: string, request: FastifyRequest): string {
  const { headers } = request
  const add = 'the operator can add it to TRUSTED_ORIGINS'
  if (code === NO_SESSION) return withoutSession(request)
  if (code === 'INVALID_ORIGIN') {
    const { origin = URL.parse(headers.referer ?? '')?.origin } = headers
    return `The origin ${origin} is not trusted; ${add}`
  }
  if (code === 'MISSING_OR_NULL_ORIGIN') {
    const sent = headers.origin === undefined ? 'has no Origin' : `has the Origin ${headers.origin}`
    return `The request has a cookie and ${sent}; send one that TRUSTED_ORIGINS lists`
  }
  if (message === NO_MAIL) return 'This server sends no mail; the operator can set SMTP_URL'
  const page = pageOf(request, PAGES[code] ?? [])
  return page === undefined
    ? message
    : `${message}: the origin ${page.origin} is not trusted; ${add}`
}

function pageOf({ body, query }: FastifyRequest, members: readonly string[]): URL | undefined {
  const all: Record<string, unknown> = { ...(query as object), ...(body as object | undefined) } // JSON objects
  const [page] = members.flatMap((name) => all[name] ?? [])
  return URL.parse(String(page)) ?? undefined
}

function withoutSession(request: FastifyRequest): string {
  if (BEARER_JWT.test(request.headers.authorization ?? '')) {
    return 'This is a token for tasks; the operation needs the session token of a sign-in'
  }
  return sendsBearer(request)
    ? 'The session token is not valid, or its session has ended'
    : 'The operation needs a session, as a bearer token or as a cookie'
}

/** The claims of the tokens of mailed links. No other token signed with the secret has these. */
const VERIFICATION_CLAIMS = ['email', 'exp', 'iat', 'userId'].join()
const CHANGE_CLAIMS = ['email', 'exp', 'iat', 'requestType', 'updateTo', 'userId'].join()

/**
 * Whether the server must refuse the token of a mailed link. It was signed for another purpose: another program
 * with the secret may sign tokens for tasks that contain an e-mail address, and Better Auth would verify that
 * address. Or it changes an address, and the user's tokens were revoked after it was issued: somebody else may
 * have asked for the change.
 */
function isForeignToken(request: FastifyRequest, revocations: Revocations): boolean {
  const { token = '' } = request.query as { token?: string } // checked against the schema
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    const claims = Object.keys(payload).sort().join()
    if (claims !== CHANGE_CLAIMS) return claims !== VERIFICATION_CLAIMS
    const { requestType, userId, iat } = payload
    return requestType !== 'change-email-verification' || revocations.refuses(userId, iat)
  } catch {
    return true
  }
}
