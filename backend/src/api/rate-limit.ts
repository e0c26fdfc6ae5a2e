import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../core/errors.ts'

const WINDOW_SECONDS = 60
const COUNTED_USERS = 10_000

/**
 * Limits how many requests a user makes in a minute (contract §3, 429), counted after the owner is
 * proven, so that nobody can use up the limit of another. The headers are those of
 * draft-ietf-httpapi-ratelimit-headers, which the plugin itself does not write yet.
 */
export async function limitRate(app: FastifyInstance, perMinute: number): Promise<void> {
  if (perMinute === 0) return
  await app.register(rateLimit, { global: false, cache: COUNTED_USERS })
  const count = app.createRateLimit({
    max: perMinute,
    timeWindow: WINDOW_SECONDS * 1000,
    keyGenerator: (request) => request.userId,
  })
  const policy = `"user";q=${perMinute};w=${WINDOW_SECONDS}`
  app.addHook('onRequest', async (request, reply) => {
    const limit = await count(request)
    if (limit.isAllowed) return
    reply.header('ratelimit-policy', policy)
    reply.header('ratelimit', `"user";r=${limit.remaining};t=${limit.ttlInSeconds}`)
    if (limit.isExceeded) {
      throw new AppError('too_many_requests', {
        headers: { 'retry-after': String(limit.ttlInSeconds) },
      })
    }
  })
}
