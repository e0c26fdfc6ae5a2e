import type { FastifyReply, onRequestHookHandler } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { RequestLimit, Turn } from './request-windows.ts'

/**
 * Limits the requests of a user per minute (contract §3, 429). It counts after the check of the owner, so
 * that nobody can exhaust another user's limit. The headers follow draft-ietf-httpapi-ratelimit-headers.
 *
 * @returns the hook for private routes, or no hook if the limit is 0.
 */
export function requestCounters(limit: RequestLimit): onRequestHookHandler[] {
  if (limit.perWindow === 0) return []
  const policy = `"user";q=${limit.perWindow};w=${LIMITS.userWindowSeconds}`
  const setHeaders = (turn: Turn, reply: FastifyReply, done: (error?: Error) => void) => {
    const seconds = Math.max(1, Math.ceil(turn.renewedMs / 1_000))
    reply.header('ratelimit-policy', policy)
    reply.header('ratelimit', `"user";r=${turn.left};t=${seconds}`)
    if (turn.admitted) return done()
    done(new AppError('too_many_requests', { headers: { 'retry-after': String(seconds) } }))
  }
  const count: onRequestHookHandler = (request, reply, done) => {
    const turn = limit.take(request.userId)
    if (!(turn instanceof Promise)) return setHeaders(turn, reply, done)
    turn.then((counted) => setHeaders(counted, reply, done), done)
  }
  return [count]
}
