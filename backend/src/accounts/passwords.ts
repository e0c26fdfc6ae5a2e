import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'

/** libuv has four threads. One stays free for file and DNS operations. */
const MAX_THREADS = 3
/**
 * How many passwords are hashed at once: at most half of the cores, so that requests for tasks get the
 * other half. Each hash (scrypt) takes a core for about 0.1 s.
 */
export const HASHES_AT_ONCE = Math.min(
  MAX_THREADS,
  Math.max(1, Math.floor(availableParallelism() / 2)),
)

const SALT_BYTES = 16
const KEY_BYTES = 64
/** The parameters of Better Auth (@better-auth/utils, password.node), so that it can read our hashes. */
const SCRYPT = { N: 16_384, r: 16, p: 1, maxmem: 128 * 16_384 * 16 * 2 }

/** The parameters of scrypt. A hash does not name them, so a server must keep to one cost. */
export type ScryptCost = typeof SCRYPT

/** Hashes passwords, and compares them with hashes. */
export interface Passwords {
  /** @returns a hash in Better Auth's format: salt and key in hexadecimal, with a colon between them. */
  hash(password: string): Promise<string>
  /**
   * Compares a password with a hash in constant time. Better Auth's own comparison depends on the hash.
   *
   * @returns false for another password and for a malformed hash.
   */
  verify(given: { hash: string; password: string }): Promise<boolean>
}

const derive = promisify<string, string, number, ScryptCost, Buffer>(scrypt)

/** @param cost that of the server. Tests of other things than passwords hash at a low cost. */
export function scryptPasswords(cost: ScryptCost = SCRYPT): Passwords {
  /** Runs in libuv's thread pool, so that it does not block the event loop. */
  const deriveKey = async (password: string, salt: string): Promise<string> =>
    (await derive(password.normalize('NFKC'), salt, KEY_BYTES, cost)).toString('hex')
  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES).toString('hex')
      return `${salt}:${await deriveKey(password, salt)}`
    },
    verify: async ({ hash, password }) => {
      const [salt = '', key = ''] = hash.split(':')
      const expected = Buffer.from(key)
      const derived = Buffer.from(await deriveKey(password, salt))
      return derived.length === expected.length && timingSafeEqual(derived, expected)
    },
  }
}
