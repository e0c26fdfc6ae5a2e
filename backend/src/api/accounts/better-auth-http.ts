import type { FastifyReply, FastifyRequest } from 'fastify'
import { ADDRESS_HEADER, TOKEN_HEADERS } from '../../accounts/http.ts'
import { AppError, type ErrorCode, type Reason, unauthorized } from '../../core/errors.ts'
import { clientAddress } from '../../http/protocol/client-network.ts'

/** What Better Auth gets of a request's headers. Above all none that a proxy would be believed for. */
const PASSED_ON = ['authorization', 'cookie', 'origin', 'referer', 'user-agent', 'accept']
/** By these it tells a page's request from another; Node's fetch sends some, and no Origin. */
const FETCH_METADATA = ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']
const ANSWERED = ['location', ...TOKEN_HEADERS]

export interface WebRequestOptions {
  readonly publicUrl: string
  /** A session is made, whoever asks: an earlier one counts for nothing. */
  readonly signsIn: boolean
}

/** The request as Better Auth takes one: its body checked, its address ours to say. */
export function toWebRequest(
  request: FastifyRequest,
  { publicUrl, signsIn }: WebRequestOptions,
): Request {
  const { headers: given, method, body } = request
  const headers = new Headers({ [ADDRESS_HEADER]: clientAddress(request) })
  const fromPage = given.cookie !== undefined || given.origin !== undefined
  for (const name of fromPage ? [...PASSED_ON, ...FETCH_METADATA] : PASSED_ON) {
    const value = given[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  // Phones keep cookies and send no Origin. The bearer token says who it is, and a sign-in is of
  // nobody yet; elsewhere a cookie without an Origin is refused by Better Auth.
  if (given.authorization !== undefined || (signsIn && !headers.has('origin'))) {
    for (const name of ['cookie', ...FETCH_METADATA]) headers.delete(name)
  }
  const content = method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}
  if (method === 'POST') headers.set('content-type', 'application/json')
  return new Request(addressOf(request, publicUrl), { method, headers, ...content })
}

/** URL reads some paths as others, and this one was let in as it was written. */
function addressOf(request: FastifyRequest, publicUrl: string): URL {
  const address = new URL(request.url, publicUrl)
  if (address.pathname !== request.url.split('?')[0]) throw new AppError('not_found')
  if (verifiesNoAddress(request)) address.search = '?token=none'
  return address
}

/** Answers with what Better Auth said; an error in the form of all errors (contract §3). */
export async function sendResponse(
  reply: FastifyReply,
  request: FastifyRequest,
  response: Response,
): Promise<FastifyReply> {
  for (const cookie of response.headers.getSetCookie()) reply.header('set-cookie', cookie)
  if (response.status >= 400) throw await readProblem(response, request)
  for (const name of ANSWERED) {
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

/** @param reason Better Auth's own words, for its clients. */
export function problemOf(status: number, reason: Reason, request: FastifyRequest): AppError {
  const options = { detail: reason.message, reason }
  if (status === 401) {
    const sent = request.headers.authorization !== undefined
    return unauthorized(sent ? 'invalid_token' : undefined, undefined, options)
  }
  return new AppError(CODES[status] ?? 'bad_request', options)
}

async function readProblem(response: Response, request: FastifyRequest): Promise<AppError> {
  const { status } = response
  // What went wrong is in the log already: Better Auth's logger writes to it.
  if (status >= 500) return new AppError('internal_error')
  const told: unknown = await response.json().catch(() => null)
  const { code, message } = (told ?? {}) as Partial<Record<string, unknown>> // Better Auth's
  return problemOf(
    status,
    {
      code: typeof code === 'string' ? code : 'UNKNOWN',
      message: typeof message === 'string' && message !== '' ? message : 'The request was refused',
    },
    request,
  )
}

/** What the token of a verification link says, and no other that is signed with the secret. */
const VERIFICATION = ['email', 'exp', 'iat', 'userId'].join()

/**
 * Whether a verification link has a token that was signed for something else. A token for the tasks
 * from elsewhere may have an address in it, and would verify that.
 */
function verifiesNoAddress(request: FastifyRequest): boolean {
  if (!request.routeOptions.url?.endsWith('/verify-email')) return false
  const { token = '' } = request.query as { token?: string } // checked against the schema
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return Object.keys(payload).sort().join() !== VERIFICATION
  } catch {
    return true
  }
}
