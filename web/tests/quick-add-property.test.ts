import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { dateOnOrAfter } from '../../backend/src/core/recurrence/dates.ts'
import { parseRule } from '../../backend/src/core/recurrence/rule.ts'
import { parseQuickAdd, type QuickAddOptions } from '../src/quick-add/parse-quick-add.ts'

const words = fc.constantFrom(
  ...[
    'Call',
    'Anna',
    'may',
    'sat',
    'second',
    '"',
    '“',
    '”',
    ',',
    '.',
    '(',
    ')',
    '-',
    '&',
    'and',
    'or',
  ],
  ...[
    'today',
    'tomorrow',
    'monday',
    'fri',
    'next',
    'this',
    'on',
    'by',
    'at',
    'until',
    'before',
    'in',
  ],
  ...[
    '9',
    '9am',
    '17:30',
    'noon',
    'dec',
    '24',
    '31st',
    '2 weeks',
    '3 days',
    'an hour',
    '2026-12-24',
  ],
  ...[
    'every',
    'every!',
    'day',
    'weekday',
    'month',
    'year',
    'last',
    'first',
    '15th',
    'of',
    'the',
    'other',
  ],
  ...[
    '#work',
    '#Work',
    '#ü',
    '#',
    '!high',
    '!1',
    'p4',
    'after completion',
    '12/24',
    'feb 29',
    '\uFFFC',
  ],
)
const texts = fc.array(words, { maxLength: 14 }).map((all) => all.join(' '))
const moments = fc
  .tuple(
    fc.date({ min: new Date('2024-01-01'), max: new Date('2028-12-31'), noInvalidDate: true }),
    fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Pacific/Kiritimati',
      'Asia/Kolkata',
      'UTC',
    ),
  )
  .map(([now, timeZone]): QuickAddOptions => ({ now, timeZone }))

it('every text gives chips that are its parts, and a task that the server takes', () => {
  fc.assert(
    fc.property(texts, moments, (text, options) => {
      const { chips, task, title } = parseQuickAdd(text, options)
      assert.equal(task.title, title)
      assert.match(title, /^(\S(.*\S)?)?$/s)
      let end = 0
      for (const chip of chips) {
        assert.ok(chip.start >= end && chip.end > chip.start)
        assert.equal(text.slice(chip.start, chip.end), chip.text)
        end = chip.end
      }
      const { due_date: date = null, due_time: time = null, recurrence } = task
      if (date !== null) assert.match(date, /^2\d{3}-\d\d-\d\d$/)
      if (time !== null) assert.match(time, /^([01]\d|2[0-3]):[0-5]\d$/)
      assert.ok(date !== null || (time === null && !recurrence && !task.due_zone))
      assert.equal(task.due_zone ?? null, time === null ? null : options.timeZone)
      if (recurrence && date !== null) {
        const parsed = parseRule(recurrence.rule)
        assert.ok(parsed.outcome === 'rule', recurrence.rule)
        assert.equal(dateOnOrAfter(parsed.rule, date, date).date, date, recurrence.rule)
      }
    }),
    { numRuns: 1_000, seed: 20_261_128 },
  )
})

it('when all chips are turned back into text, the title is the text', () => {
  fc.assert(
    fc.property(texts, moments, (text, options) => {
      const ignored = new Set<string>()
      // What one chip has hidden may become another one.
      for (;;) {
        const { chips, task } = parseQuickAdd(text, { ...options, ignored })
        if (chips.length === 0) {
          assert.deepEqual(task, { title: text.replace(/\s+/g, ' ').trim() })
          return
        }
        assert.ok(chips.every(({ key }) => !ignored.has(key)))
        for (const { key } of chips) ignored.add(key)
      }
    }),
    { numRuns: 500, seed: 20_261_128 },
  )
})
