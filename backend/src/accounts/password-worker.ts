import { scryptSync } from 'node:crypto'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'

/** From the server's thread: what to derive a key from. */
export interface KeyRequest {
  readonly id: number
  readonly password: string
  readonly salt: string
}

export interface KeyReply {
  readonly id: number
  readonly key: string
}

/** Gives way to the server and the database, and still gets a tenth of a busy core. */
const NICENESS = 10

/** Those of Better Auth (@better-auth/utils, password.node), so that its hashes and ours are alike. */
const KEY_BYTES = 64
const SCRYPT = { N: 16_384, r: 16, p: 1, maxmem: 128 * 16_384 * 16 * 2 }

/** Linux has a priority for each thread, and 0 is the one that asks; elsewhere it is the process's. */
function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, NICENESS)
  } catch {
    // Where it is not allowed, hashes are as urgent as the rest.
  }
}

giveWay()

parentPort?.on('message', ({ id, password, salt }: KeyRequest) => {
  const key = scryptSync(password.normalize('NFKC'), salt, KEY_BYTES, SCRYPT).toString('hex')
  parentPort?.postMessage({ id, key } satisfies KeyReply)
})
