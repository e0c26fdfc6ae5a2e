import { isDeepStrictEqual } from 'node:util'
import type { CryptoKey, FlattenedJWSInput, JWSHeaderParameters } from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { AppError } from '../../core/errors.ts'
import type { Log } from '../../core/log/logger.ts'
import { fetchKeySet } from './key-set-fetch.ts'

/** After this time the keys are fetched again. Until that succeeds, the previous keys are used. */
export const MAX_AGE_MS = 600_000
/** The shortest time between two fetches, even if tokens name unknown keys. */
const COOLDOWN_MS = 10_000
const FETCH_TIMEOUT_MS = 5_000

/** Selects the key of a token. */
export interface GetKey {
  (header: JWSHeaderParameters | undefined, token: FlattenedJWSInput): Promise<CryptoKey>
  /** Fetches the keys again, unless that was tried shortly before. @returns whether it succeeded. */
  fetchKeys(): Promise<boolean>
}

/**
 * The key set of an external issuer (JWKS, RFC 7517), fetched when the first token needs it. jose fetches it
 * and selects keys. This function decides when, because jose drops keys that it cannot renew, and fetches
 * without a limit while the issuer is unreachable.
 *
 * @param url of the key set.
 * @param changed is called if a fetched key set differs from the previous one.
 * @returns a function that selects the key of a token. It throws {AppError} `service_unavailable` until the
 *   first fetch has succeeded, and jose's error if no key matches.
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
  let startedMs = Number.NEGATIVE_INFINITY
  let fetchedMs = Number.NEGATIVE_INFINITY
  let fetching: Promise<boolean> | undefined

  const reload = async (): Promise<boolean> => {
    const before = remote.jwks()
    try {
      await remote.reload()
    } catch (err) {
      log.warn(
        { err },
        'the keys of BETTER_AUTH_JWKS_URL could not be fetched; check that the URL is reachable from this server',
      )
      return false
    }
    fetchedMs = nowMs()
    if (before !== undefined && !isDeepStrictEqual(before, remote.jwks())) changed()
    return true
  }

  /** @returns whether this call, or one in progress, has fetched the keys. */
  const fetchKeys = (): Promise<boolean> => {
    if (fetching !== undefined) return fetching
    if (nowMs() - startedMs < cooldownMs) return Promise.resolve(false)
    startedMs = nowMs()
    fetching = reload().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  const getKey = async (header: JWSHeaderParameters | undefined, token: FlattenedJWSInput) => {
    if (remote.jwks() === undefined) {
      await fetchKeys()
      if (remote.jwks() === undefined) throw keysUnavailable()
    } else if (nowMs() - fetchedMs > maxAgeMs) fetchKeys()
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey) || !(await fetchKeys())) throw error
      return remote(header, token)
    }
  }
  return Object.assign(getKey, { fetchKeys })
}

function keysUnavailable(): AppError {
  return new AppError('service_unavailable', {
    detail: 'The keys of the issuer could not be fetched; try again after Retry-After seconds',
    headers: { 'retry-after': String(COOLDOWN_MS / 1_000) },
  })
}
