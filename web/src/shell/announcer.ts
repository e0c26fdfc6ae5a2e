import { type Value, value } from '../ui/value.ts'
import type { View } from './view.ts'

/** A message in the live region. */
export interface Announcement {
  readonly id: number
  readonly text: string
  /** Whether the message has a button "Undo". */
  readonly undo: boolean
  /** A text that the person has typed and that could not be stored. The message stays until it is dismissed. */
  readonly typed?: string | undefined
  /** The view to which the button "Show" leads. */
  readonly show?: View | undefined
}

export interface Announcer {
  readonly current: Value<Announcement | null>
  announce(text: string, undo: boolean, more?: Pick<Announcement, 'typed' | 'show'>): void
  dismiss(): void
}

export function createAnnouncer(): Announcer {
  const current = value<Announcement | null>(null)
  let count = 0
  return {
    current,
    announce(text, undo, more) {
      count += 1
      current.set({ id: count, text, undo, ...more })
    },
    dismiss: () => current.set(null),
  }
}
