/** The members of a task beside its text and whether it is completed. */

export const PRIORITY = {
  enum: ['none', 'low', 'medium', 'high'],
  'x-message': 'must be none, low, medium or high',
  description: '`none`, if it is left out on creation',
} as const

const TAG = {
  type: 'string',
  minLength: 1,
  maxLength: 50,
  pattern: '^[^,\\u0000-\\u001f\\u007f-\\u009f]*$',
} as const

/** Tags as the server returns them. */
export const TAGS = {
  type: 'array',
  maxItems: 20,
  items: TAG,
  description: 'Labels, in the order in which they were given',
} as const

/** Tags as a client sends them. */
export const NEW_TAGS = {
  type: 'array',
  'x-distinct': { most: 20, characters: 50 },
  items: { type: 'string' },
  description:
    'Up to 20 texts of 1 to 50 characters, without commas and control characters. White space around each is removed, and so is each that differs from an earlier one only in letter case',
} as const

export const DUE_DATE = {
  type: ['string', 'null'],
  format: 'date',
  'x-message': 'must be a day of the calendar as YYYY-MM-DD, in the years 0001 to 9999',
  description: 'The day on which the task is due, in no time zone',
} as const

export const DUE_TIME = {
  type: ['string', 'null'],
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  'x-message': 'must be a time as HH:MM, from 00:00 to 23:59',
  description:
    'The time on `due_date`, which it needs: on the clocks of `due_zone`, or wherever the reader is',
} as const

export const DUE_ZONE = {
  type: ['string', 'null'],
  format: 'time-zone',
  'x-message':
    "must be the name of a time zone in IANA's database, spelled exactly, such as Europe/Berlin or UTC",
  description: 'The IANA name of the time zone of `due_time`, which it needs',
} as const

const RULE = {
  type: 'string',
  description:
    'A recurrence rule of RFC 5545, without `RRULE:`, on dates: FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, COUNT, UNTIL, WKST, and RSCALE=GREGORIAN;SKIP=BACKWARD (RFC 7529), which moves a day that a month lacks to its last day',
} as const

const FROM = {
  enum: ['due', 'completion'],
  'x-message': 'must be due or completion',
  description:
    '`due`: the next date of the rule after the due date and after today. `completion`: counted from the day on which the task was completed',
} as const

export const RECURRENCE = {
  type: ['object', 'null'],
  additionalProperties: false,
  required: ['rule', 'from'],
  properties: { rule: RULE, from: FROM },
  description:
    'How the task recurs; it needs `due_date`. Completing the task makes the next occurrence, a new task',
} as const

/** {@link RECURRENCE} as the server returns it. */
export const STORED_RECURRENCE = {
  ...RECURRENCE,
  properties: { rule: RULE, from: { type: 'string', enum: FROM.enum } },
} as const

/** Which members need another one. */
export const NEEDS = {
  due_time: 'due_date',
  due_zone: 'due_time',
  recurrence: 'due_date',
} as const
