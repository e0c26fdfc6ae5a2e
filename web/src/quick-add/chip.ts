import type { Day } from '../dates/day.ts'

export type Priority = 'none' | 'low' | 'medium' | 'high'

interface Place {
  /** The part of the text, as it was typed. */
  readonly text: string
  /** Offsets in the text, in UTF-16 units. */
  readonly start: number
  readonly end: number
}

/** A part of the text that was understood. */
export type Found =
  | (Place & { readonly kind: 'date'; readonly date: Day })
  /** `date` only where the words name both, such as "in 2 hours". */
  | (Place & { readonly kind: 'time'; readonly time: string; readonly date?: Day })
  | (Place & {
      readonly kind: 'recurrence'
      /** An RRULE as the server takes it; absent in a part that only changes the one before. */
      readonly rule?: string
      readonly until?: Day
      readonly from?: 'completion'
    })
  | (Place & { readonly kind: 'tag'; readonly tag: string })
  | (Place & { readonly kind: 'priority'; readonly priority: Priority })

/** `key` names the chip in `ignored`, also after the text around it has changed. */
export type Chip = Found & { readonly key: string }

export function keyOf({ kind, text }: Pick<Found, 'kind' | 'text'>): string {
  return `${kind}:${text.toLowerCase().replace(/\s+/g, ' ')}`
}
