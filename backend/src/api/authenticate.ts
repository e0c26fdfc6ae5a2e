import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { JWTPayload } from 'jose'
import { JOSEError } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import type { Database, Statement } from '../database/session.ts'
import { isUserId } from '../schemas/user.ts'
import { countHeader } from './raw-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking: the user of the token, which is the owner the path names. */
    userId: string
    /** Runs a statement as that user. */
    asUser<Result>(statement: Statement<Result>): Promise<Result>
  }
  interface FastifyContextConfig {
    /** Served without a token. Every other route asks for one. */
    public?: boolean
  }
}

const CLOCK_TOLERANCE_SECONDS = 5
const REMEMBERED_TOKENS = 10_000
const BEARER = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i
const REALM = 'Bearer realm="todo"'

interface Verified {
  readonly userId: string
  readonly expiresMs: number
}

/**
 * Proves who is asking, then that the path is theirs, before anything else of the request is looked
 * at: 401, then 403 (contract §2). Routes are private unless their config says `public`.
 */
export function authenticate(app: FastifyInstance, config: Config, database: Database): void {
  const verify = tokenVerifier(config)
  app.decorateRequest('userId', '')
  app.decorateRequest('asUser', function asUser(this: FastifyRequest, statement) {
    return database.asUser(this.userId, statement)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    // OPTIONS tells what a path takes, and a browser sends it without the token.
    const open = request.is404 || request.method === 'OPTIONS'
    if (open || request.routeOptions.config.public === true) return done()
    const enter = (userId: string) => {
      request.userId = userId
      const { user_id } = request.params as { user_id?: string } // the router's
      done(user_id === userId ? undefined : new AppError('user_id_mismatch'))
    }
    // A remembered token spares the request a turn of the event loop.
    const user = verify(readToken(request))
    if (typeof user === 'string') enter(user)
    else user.then(enter, done)
  })
}

function readToken(request: FastifyRequest): string {
  const { authorization } = request.headers
  if (authorization === undefined) throw unauthorized()
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined || countHeader(request, 'authorization') > 1) {
    throw unauthorized('invalid_token')
  }
  return token
}

/**
 * A function from a token to its user. A verified token is remembered by its exact text, never
 * past its `exp`; a refused one never is.
 *
 * @returns throws {AppError} `unauthorized`.
 */
export function tokenVerifier({ secret, jwtIssuer, jwtAudience }: Config) {
  const key = new TextEncoder().encode(secret)
  const options = {
    algorithms: ['HS256'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...(jwtIssuer !== undefined && { issuer: jwtIssuer }),
    ...(jwtAudience !== undefined && { audience: jwtAudience }),
  }
  const remembered = new LRUCache<string, Verified>({ max: REMEMBERED_TOKENS })

  async function verifyOnce(token: string): Promise<string> {
    let payload: JWTPayload
    try {
      payload = (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (error instanceof JOSEError) throw unauthorized('invalid_token', error)
      throw error
    }
    const verified = { userId: readUser(payload), expiresMs: readTimes(payload) * 1000 }
    remembered.set(token, verified)
    return verified.userId
  }

  return (token: string): string | Promise<string> => {
    const known = remembered.get(token)
    if (known !== undefined && Date.now() < known.expiresMs) return known.userId
    return verifyOnce(token)
  }
}

/** jose takes numbers of any size here, and looks at `iat` only when a maximum age is set. */
function readTimes({ exp, nbf, iat }: JWTPayload): number {
  const latestIat = Date.now() / 1000 + CLOCK_TOLERANCE_SECONDS
  if (!Number.isSafeInteger(exp) || (nbf !== undefined && !Number.isFinite(nbf))) {
    throw unauthorized('invalid_token')
  }
  if (iat !== undefined && !(Number.isFinite(iat) && iat <= latestIat)) {
    throw unauthorized('invalid_token')
  }
  return Number(exp)
}

/** The user is `sub`, or `user_id` where there is no `sub`; never `email` or anything else. */
function readUser({ sub, user_id }: JWTPayload & { sub?: unknown; user_id?: unknown }): string {
  const alternative = Number.isSafeInteger(user_id) ? String(user_id) : user_id
  const userId = sub === undefined ? alternative : sub
  const differ = sub !== undefined && alternative !== undefined && sub !== alternative
  if (differ || typeof userId !== 'string' || !isUserId(userId)) throw unauthorized('invalid_token')
  return userId
}

/** RFC 6750 §3: without a token there is no error to name. */
function unauthorized(error?: 'invalid_token', cause?: unknown): AppError {
  const challenge = error === undefined ? REALM : `${REALM}, error="${error}"`
  return new AppError('unauthorized', { headers: { 'www-authenticate': challenge }, cause })
}
