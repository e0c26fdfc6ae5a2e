import { type Value, value } from '../ui/value.ts'

/** A message in the live region. */
export interface Announcement {
  readonly id: number
  readonly text: string
  /** Whether the message has a button "Undo". */
  readonly undo: boolean
  /** A text that the person has typed and that could not be stored. The message stays until it is dismissed. */
  readonly typed?: string | undefined
}

export interface Announcer {
  readonly current: Value<Announcement | null>
  announce(text: string, undo: boolean, typed?: string): void
  dismiss(): void
}

export function createAnnouncer(): Announcer {
  const current = value<Announcement | null>(null)
  let count = 0
  return {
    current,
    announce(text, undo, typed) {
      count += 1
      current.set({ id: count, text, undo, typed })
    },
    dismiss: () => current.set(null),
  }
}
