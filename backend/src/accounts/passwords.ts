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

const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt)

/** @returns a hash in Better Auth's format: salt and key in hexadecimal, with a colon between them. */
export async function hash(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES).toString('hex')
  return `${salt}:${await deriveKey(password, salt)}`
}

/**
 * Compares a password with a hash in constant time. Better Auth's own comparison depends on the hash.
 *
 * @returns false for another password and for a malformed hash.
 */
export async function verify(given: { hash: string; password: string }): Promise<boolean> {
  const [salt = '', key = ''] = given.hash.split(':')
  const expected = Buffer.from(key)
  const derived = Buffer.from(await deriveKey(given.password, salt))
  return derived.length === expected.length && timingSafeEqual(derived, expected)
}

/** Runs in libuv's thread pool, so that it does not block the event loop. */
async function deriveKey(password: string, salt: string): Promise<string> {
  return (await derive(password.normalize('NFKC'), salt, KEY_BYTES, SCRYPT)).toString('hex')
}
