import { type Passwords, scryptPasswords } from '../../src/accounts/passwords.ts'

/** The least that scrypt takes. */
const CHEAP = { N: 2, r: 1, p: 1, maxmem: 1_048_576 }

/** Passwords that cost little, and that a test can hold up. */
export interface HeldPasswords extends Passwords {
  /** How many were hashed, or compared with a hash, so far. */
  done(): number
  /** From here on none is, until the test calls what this returns. */
  hold(): () => void
}

export function holdablePasswords(): HeldPasswords {
  const cheap = scryptPasswords(CHEAP)
  let done = 0
  let held: Promise<void> | undefined
  const next = async () => {
    await held
    done += 1
  }
  return {
    done: () => done,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    hash: async (password) => {
      await next()
      return cheap.hash(password)
    },
    verify: async (given) => {
      await next()
      return cheap.verify(given)
    },
  }
}
