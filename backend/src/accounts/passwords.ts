import { availableParallelism } from 'node:os'
import { hashPassword, verifyPassword } from 'better-auth/crypto'

/**
 * A hash takes a core for about a tenth of a second (scrypt), which the requests for tasks then lack:
 * half of the cores at most.
 */
const AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2))

let running = 0
const waiting: (() => void)[] = []

/** Hashes in Better Auth's own form. */
export function hash(password: string): Promise<string> {
  return inTurn(() => hashPassword(password))
}

export function verify(data: { hash: string; password: string }): Promise<boolean> {
  return inTurn(() => verifyPassword(data))
}

/** Few at once; the others wait. How many may wait is bounded where requests come in. */
async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
