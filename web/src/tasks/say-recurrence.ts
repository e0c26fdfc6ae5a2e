import { nameRecurrence } from '../dates/name-recurrence.ts'
import { englishDates } from '../dates/words.ts'
import { LOCALE } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'

/** @returns the recurrence in words, such as "Every Monday". */
export function sayRecurrence(recurrence: NonNullable<LocalTask['recurrence']>): string {
  return nameRecurrence(recurrence, { language: LOCALE, words: englishDates })
}
