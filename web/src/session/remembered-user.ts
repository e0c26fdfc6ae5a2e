import type { User } from '../shell/workspace.ts'

const NAME = 'todo.user'

/** @returns the person who signed in on this device last, so that their tasks open without connection. No secret. */
export function rememberedUser(): User | null {
  try {
    return read(localStorage.getItem(NAME))
  } catch {
    // The browser blocks its storage.
    return null
  }
}

export function rememberUser({ id, name, email }: User): void {
  try {
    localStorage.setItem(NAME, JSON.stringify({ id, name, email }))
  } catch {
    // The browser blocks its storage: the page asks the server each time.
  }
}

export function forgetUser(): void {
  try {
    localStorage.removeItem(NAME)
  } catch {
    // Nothing was stored.
  }
}

/** Calls back when another tab has signed out, or signed in as another person. */
export function onUserChanged(listener: () => void): void {
  window.addEventListener('storage', ({ key, oldValue, newValue }) => {
    if (key === NAME && read(oldValue)?.id !== read(newValue)?.id) listener()
  })
}

function read(stored: string | null): User | null {
  try {
    const user: unknown = JSON.parse(stored ?? 'null')
    if (typeof user !== 'object' || user === null) return null
    const { id, name, email } = user as Partial<User> // written by this file, or by nobody
    return id ? { id, name: name ?? '', email: email ?? '' } : null
  } catch {
    return null
  }
}
