import { isDeepStrictEqual } from 'node:util'
import type { CryptoKey, FlattenedJWSInput, JWSHeaderParameters } from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { AppError } from '../../core/errors.ts'
import type { Log } from '../../core/log/logger.ts'
import { fetchKeySet } from './key-set-fetch.ts'

/** Keys are fetched anew after this, and until that succeeds those of before are used. */
export const MAX_AGE_MS = 600_000
/** Whatever tokens name, the keys are not asked for more often than this. */
const COOLDOWN_MS = 10_000
const FETCH_TIMEOUT_MS = 5_000

export type GetKey = (
  header: JWSHeaderParameters | undefined,
  token: FlattenedJWSInput,
) => Promise<CryptoKey>

/**
 * The public keys a Better Auth elsewhere serves, fetched when the first token asks for one. jose
 * fetches and picks; when to fetch is decided here, since jose drops keys it cannot renew, and asks
 * without a bound while the other side is away.
 *
 * @param changed is called when the keys are others than before.
 * @returns throws {AppError} `service_unavailable` while no keys could be fetched yet.
 */
export function remoteKeySet(
  url: string,
  log: Log,
  changed: () => void,
  {
    maxAgeMs = MAX_AGE_MS,
    cooldownMs = COOLDOWN_MS,
    timeoutMs = FETCH_TIMEOUT_MS,
    nowMs = () => performance.now(),
  } = {},
): GetKey {
  const never = {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
  }
  const remote = createRemoteJWKSet(new URL(url), {
    ...never,
    timeoutDuration: timeoutMs,
    [customFetch]: fetchKeySet,
  })
  let askedMs = Number.NEGATIVE_INFINITY
  let fetchedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<boolean> | undefined

  const ask = async (): Promise<boolean> => {
    const before = remote.jwks()
    try {
      await remote.reload()
    } catch (err) {
      log.warn({ err }, 'the keys of BETTER_AUTH_JWKS_URL could not be fetched')
      return false
    }
    fetchedMs = nowMs()
    if (before !== undefined && !isDeepStrictEqual(before, remote.jwks())) changed()
    return true
  }

  /** Whether the keys were fetched just now, by this call or one under way. */
  const fetchKeys = (): Promise<boolean> => {
    if (asking !== undefined) return asking
    if (nowMs() - askedMs < cooldownMs) return Promise.resolve(false)
    askedMs = nowMs()
    asking = ask().finally(() => {
      asking = undefined
    })
    return asking
  }

  return async (header, token) => {
    if (remote.jwks() === undefined) {
      await fetchKeys()
      if (remote.jwks() === undefined) throw keysAway()
    } else if (nowMs() - fetchedMs > maxAgeMs) fetchKeys()
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey) || !(await fetchKeys())) throw error
      return remote(header, token)
    }
  }
}

function keysAway(): AppError {
  return new AppError('service_unavailable', {
    detail: 'The keys of the issuer could not be fetched; try again after Retry-After seconds',
    headers: { 'retry-after': String(COOLDOWN_MS / 1_000) },
  })
}
