import { createHash } from 'node:crypto'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { AppError, type Fault } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Statement } from '../../database/session.ts'
import { type ChangeOnce, forgetExpiredKeys, type IdempotencyKey } from '../../models/tasks/once.ts'
import type { Versions } from '../../models/tasks/task.ts'

/** A string of RFC 9651 §3.3.3, as the draft has it, or the same without quotes, as many clients do. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])+)"$/
const BARE = /^[!#-+\--~]+$/

/** At most so often, and so many in a step, so that no step is felt. */
const FORGET_EVERY_MS = 60_000
const FORGET_AT_ONCE = 500
const REST_MS = 200

/** What a request asks for, beside its operation. */
export interface Asked {
  /** The validated body, with the default of each member that the client left out. */
  readonly body: object
  readonly id?: string
  readonly versions?: Versions
}

/**
 * The key of a request that is to be done once (draft-ietf-httpapi-idempotency-key-header), with a
 * hash of the operation and of everything it asks for; undefined without the header.
 *
 * A key that an older version of the server stored has a hash of another form. A repetition of its
 * request is refused as a reused key (422) and changes nothing, until the key expires after 24 hours.
 *
 * @throws {AppError} `validation_error`
 */
export function idempotencyKey(request: FastifyRequest, asked: Asked): IdempotencyKey | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined) return undefined
  const key = readKey(String(header))
  const what = canonicalJson([request.method, request.routeOptions.url, asked])
  return { key, requestHash: createHash('sha256').update(what).digest('base64url') }
}

/** @returns JSON with the members of every object sorted by name, so that equal values have equal text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

function readKey(header: string): string {
  const key = BARE.test(header) ? header : QUOTED.exec(header)?.[1]?.replace(/\\(.)/g, '$1')
  if (key !== undefined && key.length <= LIMITS.keyCharacters) return key
  throw refused(`must be given once, as 1 to ${LIMITS.keyCharacters} visible ASCII characters`)
}

/** The key was used for another request. */
export function keyReused(): AppError {
  return refused('was used for a different request; use a new key')
}

/** The same request is being done now. */
export function keyInFlight(): AppError {
  const detail = 'A request with this Idempotency-Key is in progress; send it again later'
  return new AppError('conflict', { detail, headers: { 'retry-after': '1' } })
}

/**
 * Does it once, though others do the same. A key that was written while the statement ran is unknown
 * to its snapshot: where the change went through, it is one in flight; where nothing was changed, the
 * other may have changed it, so the key is looked for again.
 */
async function changeOnce(
  request: FastifyRequest,
  statement: Statement<ChangeOnce>,
): Promise<ChangeOnce> {
  try {
    const change = await request.asUser(statement)
    const unchanged = change.outcome === 'stale' || change.outcome === 'missing'
    return unchanged ? await request.asUser(statement) : change
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') return { outcome: 'in flight' }
    throw error
  }
}

function refused(message: string): AppError {
  const fault: Fault = { in: 'header', path: '/idempotency-key', message }
  return new AppError('validation_error', { detail: `Idempotency-Key ${message}`, errors: [fault] })
}

/**
 * Makes changes once each, and forgets expired keys now and then: while keys are used and not
 * otherwise, so that a database that sleeps is left asleep.
 */
export function changesOnce(): typeof changeOnce {
  let forgotMs = Number.NEGATIVE_INFINITY
  return (request, statement) => {
    if (performance.now() - forgotMs >= FORGET_EVERY_MS) {
      forgotMs = performance.now()
      forgetKeys(request).catch((err) => {
        request.log.warn({ err }, 'expired idempotency keys could not be forgotten')
      })
    }
    return changeOnce(request, statement)
  }
}

async function forgetKeys(request: FastifyRequest): Promise<void> {
  const forget = forgetExpiredKeys(FORGET_AT_ONCE)
  while ((await request.asUser(forget)) === FORGET_AT_ONCE) await rest(REST_MS)
}
