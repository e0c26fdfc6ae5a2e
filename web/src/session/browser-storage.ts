import { BASE } from '../shell/routes.ts'

/** @returns the name with the path of this page, because several servers can share an origin below different paths. */
export function nameHere(name: string): string {
  return `${name}${BASE}`
}

/** @returns null as well where the browser blocks its storage. */
export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(nameHere(name))
  } catch {
    return null
  }
}

/** Stores the text for all tabs, or removes it. It is lost where the browser blocks its storage. */
export function store(name: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(nameHere(name))
    else localStorage.setItem(nameHere(name), text)
  } catch {
    // This tab goes on without.
  }
}
