import { readStored, store } from '../session/browser-storage.ts'
import { type Value, value } from '../ui/value.ts'

/** The preferences that this browser remembers. It stores nothing secret. */
export interface Preferences {
  /** Whether single letters are keys (WCAG 2.1.4: they can be switched off). */
  readonly singleKeys: boolean
  readonly theme: 'system' | 'light' | 'dark'
}

const NAME = 'todo.preferences'
const DEFAULTS: Preferences = { singleKeys: true, theme: 'system' }

function read(): Preferences {
  try {
    return { ...DEFAULTS, ...JSON.parse(readStored(NAME) ?? '{}') }
  } catch {
    return DEFAULTS
  }
}

function apply({ theme }: Preferences): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

const kept = value(read())
apply(kept.get())

export const preferences: Value<Preferences> = {
  ...kept,
  set(next) {
    kept.set(next)
    apply(next)
    store(NAME, JSON.stringify(next))
  },
}
