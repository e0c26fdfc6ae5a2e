import { randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { KeyReply, KeyRequest } from './password-worker.ts'

/**
 * How many passwords are hashed at once. Each takes a core for about a tenth of a second (scrypt),
 * which the requests for tasks then lack: half of the cores at most.
 */
export const HASHES_AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2))

const SALT_BYTES = 16

/** @returns a hash in Better Auth's own form. */
export async function hash(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES).toString('hex')
  return `${salt}:${await deriveKey(password, salt)}`
}

export async function verify(given: { hash: string; password: string }): Promise<boolean> {
  const [salt = '', key = ''] = given.hash.split(':')
  const expected = Buffer.from(key)
  const derived = Buffer.from(await deriveKey(given.password, salt))
  return derived.length === expected.length && timingSafeEqual(derived, expected)
}

/** A thread that derives keys, one after the other, at a low priority. */
class KeyThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>()
  #requests = 0

  constructor(gone: (thread: KeyThread) => void) {
    this.#worker = new Worker(new URL('./password-worker.ts', import.meta.url))
    this.#worker.on('message', (reply: Partial<KeyReply>) => {
      // Under --watch Node sends messages of its own on the same port.
      if (reply.id === undefined || reply.key === undefined) return
      this.#waiting.get(reply.id)?.resolve(reply.key)
      this.#waiting.delete(reply.id)
      if (this.#waiting.size === 0) this.#worker.unref()
    })
    const fail = (error: unknown) => {
      gone(this)
      for (const { reject } of this.#waiting.values()) reject(error)
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', () => fail(new Error('the thread that hashes passwords ended')))
  }

  get pending(): number {
    return this.#waiting.size
  }

  derive(password: string, salt: string): Promise<string> {
    const id = this.#requests++
    const waiting = Promise.withResolvers<string>()
    this.#waiting.set(id, waiting)
    // The process may end while the thread is idle, and not before.
    this.#worker.ref()
    this.#worker.postMessage({ id, password, salt } satisfies KeyRequest)
    return waiting.promise
  }
}

/** Of this process, for all of its accounts: the cores are the machine's. */
const threads = new Set<KeyThread>()

function deriveKey(password: string, salt: string): Promise<string> {
  const [idle = newThread()] = [...threads].sort((one, other) => one.pending - other.pending)
  const full = threads.size >= HASHES_AT_ONCE
  return (idle.pending === 0 || full ? idle : newThread()).derive(password, salt)
}

function newThread(): KeyThread {
  const thread = new KeyThread((gone) => threads.delete(gone))
  threads.add(thread)
  return thread
}
