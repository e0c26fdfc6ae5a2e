/** From the most urgent one on. */
export const PRIORITIES = ['high', 'medium', 'low', 'none'] as const
/** Without a date, a task has no time, no zone and no recurrence. */
export const NO_DATE = { due_date: null, due_time: null, due_zone: null, recurrence: null } as const
