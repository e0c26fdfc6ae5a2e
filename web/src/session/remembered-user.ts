import type { User } from '../shell/workspace.ts'
import { nameHere, readStored, store } from './browser-storage.ts'

const NAME = 'todo.user'

/** @returns the person who signed in on this device last, so that their tasks open without connection. No secret. */
export function rememberedUser(): User | null {
  try {
    const user: unknown = JSON.parse(readStored(NAME) ?? 'null')
    if (typeof user !== 'object' || user === null) return null
    const { id, name, email } = user as Partial<User> // written by this file, or by nobody
    return id ? { id, name: name ?? '', email: email ?? '' } : null
  } catch {
    return null
  }
}

export function rememberUser({ id, name, email }: User): void {
  store(NAME, JSON.stringify({ id, name, email }))
}

/** As `rememberUser`, after a sign-in, which other tabs hear of although the person may be the same. */
export function rememberSignIn({ id, name, email }: User): void {
  store(NAME, JSON.stringify({ id, name, email, signIn: crypto.randomUUID() }))
}

export function forgetUser(): void {
  store(NAME, null)
}

/** Calls back when another tab has signed in or out, or has changed the name. */
export function onUserChanged(listener: () => void): void {
  window.addEventListener('storage', ({ key }) => {
    // Null if the person has deleted everything that this browser stores.
    if (key === nameHere(NAME) || key === null) listener()
  })
}
