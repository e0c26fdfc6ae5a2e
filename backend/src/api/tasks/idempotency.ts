import { createHash } from 'node:crypto'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { AppError, type Fault } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Statement } from '../../database/session.ts'
import { type ChangeOnce, forgetExpiredKeys, type IdempotencyKey } from '../../models/tasks/once.ts'
import type { Versions } from '../../models/tasks/task.ts'
import { type Around, type Next, runWithin } from './occurrences.ts'

/** A String (RFC 9651 §3.3.3), as the draft requires, or the same without quotes, as many clients send. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])+)"$/
const BARE = /^[!#-+\--~]+$/

/** Expired keys are deleted in small batches with pauses, so that no request is delayed. */
const DELETE_EVERY_MS = 60_000
const BATCH_KEYS = 500
const BATCH_PAUSE_MS = 200

/** The parts of a request that its idempotency key covers in addition to the operation. */
export interface Asked {
  /** The validated body, with the default of each member that the client left out. */
  readonly body: object
  readonly id?: string
  readonly versions?: Versions
}

/**
 * Reads `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
 *
 * Older versions of the server stored hashes in another format. A request repeated across the upgrade is
 * refused as a reused key (422) and changes nothing, until the key expires after 24 hours.
 *
 * @returns the key and a hash of the request; undefined without the header.
 * @throws {AppError} `validation_error`
 */
export function idempotencyKey(request: FastifyRequest, asked: Asked): IdempotencyKey | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined) return undefined
  const key = readKey(String(header))
  const content = canonicalJson([request.method, request.routeOptions.url, asked])
  return { key, requestHash: createHash('sha256').update(content).digest('base64url') }
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

/** PostgreSQL reports an error before it releases the locks of the transaction, for which the next attempt waits. */
export const OWN_LOCK_MS = 5
export const OWN_LOCK_WAITS = 100

/** @returns the 422 for a key that a different request has used. */
export function keyReused(): AppError {
  return refused('was used for a different request; use a new key')
}

/** @returns the 409 for a key whose request is in progress. */
export function keyInProgress(): AppError {
  const detail = 'A request with this Idempotency-Key is in progress; send it again later'
  return new AppError('conflict', { detail, headers: { 'retry-after': '1' } })
}

/**
 * Makes a change once, also if clients send the same request concurrently. The statement's snapshot does not
 * contain a key that another transaction commits while it runs. A conflict means that the other request is
 * in progress. If nothing was changed, the other request may have been the reason, so the key is read again.
 *
 * @param around the statements around it, in the same transaction.
 * @returns the outcome, and the next occurrences that it made.
 */
async function changeOnce(
  request: FastifyRequest,
  statement: Statement<ChangeOnce>,
  around?: Around,
): Promise<readonly [ChangeOnce, Next]> {
  try {
    const run = () => runWithin(request, around, statement)
    let [change, next] = await run()
    // The lock of the key may be that of an earlier attempt of this request, whose transaction is about to end.
    for (
      let waits = 0;
      around && change.outcome === 'in progress' && waits < OWN_LOCK_WAITS;
      waits += 1
    ) {
      await rest(OWN_LOCK_MS)
      ;[change, next] = await run()
    }
    const unchanged = change.outcome === 'stale' || change.outcome === 'missing'
    return unchanged ? await run() : [change, next]
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') {
      return [{ outcome: 'in progress' }, new Map()]
    }
    throw error
  }
}

function refused(message: string): AppError {
  const fault: Fault = { in: 'header', path: '/idempotency-key', message }
  return new AppError('validation_error', { detail: `Idempotency-Key ${message}`, errors: [fault] })
}

/** @returns a function that makes a change once, and deletes expired keys ({@link forgetsKeys}). */
export function changesOnce(): typeof changeOnce {
  const forgetKeys = forgetsKeys()
  return (request, statement, around) => {
    forgetKeys(request)
    return changeOnce(request, statement, around)
  }
}

/**
 * @returns a function that deletes expired keys, at most every minute. It is called only when keys are used, so that
 *   it does not wake a suspended database.
 */
export function forgetsKeys(): (request: FastifyRequest) => void {
  let deletedMs = Number.NEGATIVE_INFINITY
  return (request) => {
    if (performance.now() - deletedMs < DELETE_EVERY_MS) return
    deletedMs = performance.now()
    deleteExpiredKeys(request).catch((err) => {
      request.log.warn({ err }, 'expired idempotency keys could not be deleted')
    })
  }
}

async function deleteExpiredKeys(request: FastifyRequest): Promise<void> {
  const statement = forgetExpiredKeys(BATCH_KEYS)
  while ((await request.asUser(statement)) === BATCH_KEYS) await rest(BATCH_PAUSE_MS)
}
