import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'

/** libuv has four threads, and files and names are looked up there as well: one stays free. */
const MOST_AT_ONCE = 3
/**
 * How many passwords are hashed at once. Each takes a core for about a tenth of a second (scrypt),
 * which the requests for tasks then lack: half of the cores at most.
 */
export const HASHES_AT_ONCE = Math.min(
  MOST_AT_ONCE,
  Math.max(1, Math.floor(availableParallelism() / 2)),
)

const SALT_BYTES = 16
const KEY_BYTES = 64
/** Those of Better Auth (@better-auth/utils, password.node), so that its hashes and ours are alike. */
const SCRYPT = { N: 16_384, r: 16, p: 1, maxmem: 128 * 16_384 * 16 * 2 }

const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt)

/** @returns a hash in Better Auth's own form. */
export async function hash(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES).toString('hex')
  return `${salt}:${await deriveKey(password, salt)}`
}

/** Better Auth's own comparison takes a time that depends on the hash, and throws for a malformed hash. */
export async function verify(given: { hash: string; password: string }): Promise<boolean> {
  const [salt = '', key = ''] = given.hash.split(':')
  const expected = Buffer.from(key)
  const derived = Buffer.from(await deriveKey(given.password, salt))
  return derived.length === expected.length && timingSafeEqual(derived, expected)
}

/** In a thread of libuv's, so that the event loop goes on. */
async function deriveKey(password: string, salt: string): Promise<string> {
  return (await derive(password.normalize('NFKC'), salt, KEY_BYTES, SCRYPT)).toString('hex')
}
