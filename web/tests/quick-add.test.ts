import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dateOnOrAfter } from '../../backend/src/core/recurrence/dates.ts'
import { parseRule } from '../../backend/src/core/recurrence/rule.ts'
import { isDayFirst } from '../src/dates/name-day.ts'
import { parseQuickAdd, type QuickAddOptions } from '../src/quick-add/parse-quick-add.ts'

/** Saturday, 28 November 2026, 10:00 in Berlin. */
const HERE: QuickAddOptions = { now: new Date('2026-11-28T09:00:00Z'), timeZone: 'Europe/Berlin' }
const monthly = (date: number) => `RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=${date}`

interface Expected {
  readonly date?: string
  readonly time?: string
  readonly rule?: string
  readonly from?: 'completion'
  readonly tags?: readonly string[]
  readonly priority?: string
}

/** The text, the title, and the members of the task. */
const CASES: readonly (readonly [text: string, title: string, task?: Expected])[] = [
  // Nothing is understood.
  ['Buy milk', 'Buy milk'],
  ['', ''],
  ['  Buy   milk ', 'Buy milk'],
  ['You may call', 'You may call'],
  ['The cat sat down', 'The cat sat down'],
  ['Win second place', 'Win second place'],
  ['Sun cream', 'Sun cream'],
  ['They wed in church', 'They wed in church'],
  ['March for peace', 'March for peace'],
  ['Read version 1.2.3', 'Read version 1.2.3'],
  ['Add 1/2 cup of milk', 'Add 1/2 cup of milk'],
  ['Look at 5 flats', 'Look at 5 flats'],
  ['Read chapter 10 am I right', 'Read chapter 10 am I right'],
  ['Buy 2 tickets for Monday Night Football', 'Buy 2 tickets for Monday Night Football'],
  ['Fix issue #12', 'Fix issue #12'],
  ['Learn C#', 'Learn C#'],
  ["Prepare tomorrow's lunch", "Prepare tomorrow's lunch"],
  ['Cover the Monday-Friday shift', 'Cover the Monday-Friday shift'],
  ['Choose Monday or Tuesday', 'Choose Monday or Tuesday'],
  ['Read mail since Monday', 'Read mail since Monday'],
  ['Move the meeting to Friday', 'Move the meeting to Friday'],
  ['Finish before Friday', 'Finish before Friday'],
  ['Pay the bill of last friday', 'Pay the bill of last friday'],
  ['Office 9-10am', 'Office 9-10am'],
  ['Call at 9am PST', 'Call at 9am PST'],
  ['Write to ann@tomorrow.example', 'Write to ann@tomorrow.example'],
  ['Open https://example.com/2026-12-24#now', 'Open https://example.com/2026-12-24#now'],
  ['Very !important thing', 'Very !important thing'],
  ['Call everyone', 'Call everyone'],
  ['Water every tree', 'Water every tree'],
  ['Check every hour', 'Check every hour'],
  ['Write the daily report', 'Write the daily report'],
  ['Go on 31 February', 'Go on 31 February'],
  ['Gym mon wed fri', 'Gym mon wed fri'],
  ['Take pills 8am and 8pm', 'Take pills 8am and 8pm'],
  ['Ask for Dec 4 or Dec 5', 'Ask for Dec 4 or Dec 5'],
  ['Check oil every 5000 km', 'Check oil every 5000 km'],
  ['Run every day except sunday', 'Run every day except sunday'],
  // Quotes keep text.
  ['Read "Tomorrow" #books', 'Read "Tomorrow"', { tags: ['books'] }],
  ['Watch “Friday” today', 'Watch “Friday”', { date: '2026-11-28' }],
  ['Type `every day` !high', 'Type `every day`', { priority: 'high' }],
  ['6" pipe tomorrow', '6" pipe', { date: '2026-11-29' }],
  // Dates.
  ['Call Anna today', 'Call Anna', { date: '2026-11-28' }],
  ['Call Anna tonight', 'Call Anna', { date: '2026-11-28', time: '20:00' }],
  ['Call Anna tonight 9pm', 'Call Anna', { date: '2026-11-28', time: '21:00' }],
  ['tomorrow call Anna', 'call Anna', { date: '2026-11-29' }],
  ['Call Anna tmr', 'Call Anna', { date: '2026-11-29' }],
  ['Call the day after tomorrow', 'Call', { date: '2026-11-30' }],
  ['Call Anna monday', 'Call Anna', { date: '2026-11-30' }],
  ['Call Anna on Friday', 'Call Anna', { date: '2026-12-04' }],
  ['Call Anna saturday', 'Call Anna', { date: '2026-12-05' }],
  ['Call Anna this saturday', 'Call Anna', { date: '2026-11-28' }],
  ['Call Anna next friday', 'Call Anna', { date: '2026-12-04' }],
  ['Call Anna tuesday next week', 'Call Anna', { date: '2026-12-01' }],
  ['Fri. party', 'party', { date: '2026-12-04' }],
  ['Call Anna on sat', 'Call Anna', { date: '2026-12-05' }],
  ['Call Anna by wed', 'Call Anna', { date: '2026-12-02' }],
  ['Call Anna fri', 'Call Anna', { date: '2026-12-04' }],
  ['Plan next week', 'Plan', { date: '2026-11-30' }],
  ['Plan next month', 'Plan', { date: '2026-12-01' }],
  ['Plan next year', 'Plan', { date: '2027-01-01' }],
  ['Rest this weekend', 'Rest', { date: '2026-11-28' }],
  ['Rest next weekend', 'Rest', { date: '2026-12-05' }],
  ['Invoice end of month', 'Invoice', { date: '2026-11-30' }],
  ['Call in 3 days', 'Call', { date: '2026-12-01' }],
  ['Call in two weeks', 'Call', { date: '2026-12-12' }],
  ['Call in a month', 'Call', { date: '2026-12-28' }],
  ['Call 10 days from now', 'Call', { date: '2026-12-08' }],
  ['Pay on the 5th', 'Pay', { date: '2026-12-05' }],
  ['Pay by the 31st', 'Pay', { date: '2026-12-31' }],
  ['Gifts Dec 24', 'Gifts', { date: '2026-12-24' }],
  ['Gifts 24 December', 'Gifts', { date: '2026-12-24' }],
  ['Tax due by 31 May 2027', 'Tax', { date: '2027-05-31' }],
  ['Party Nov 1', 'Party', { date: '2027-11-01' }],
  ['Party 2026-12-24', 'Party', { date: '2026-12-24' }],
  ['Party 12/24', 'Party', { date: '2026-12-24' }],
  ['Party 12/24/2026 at home', 'Party at home', { date: '2026-12-24' }],
  ['Monday report tomorrow', 'Monday report', { date: '2026-11-29' }],
  ['Call Anna (tomorrow)', 'Call Anna', { date: '2026-11-29' }],
  ['Call Anna, tomorrow', 'Call Anna', { date: '2026-11-29' }],
  // Times.
  ['Call tomorrow 9am', 'Call', { date: '2026-11-29', time: '09:00' }],
  ['Call tomorrow at 17:30', 'Call', { date: '2026-11-29', time: '17:30' }],
  ['Call at 9pm tomorrow', 'Call', { date: '2026-11-29', time: '21:00' }],
  ['Call at 9 tomorrow', 'Call', { date: '2026-11-29', time: '09:00' }],
  ['Call tomorrow at 3', 'Call', { date: '2026-11-29', time: '15:00' }],
  ['Call Dec 5 at 9:30 pm', 'Call', { date: '2026-12-05', time: '21:30' }],
  ['Call 9:30am Dec 5', 'Call', { date: '2026-12-05', time: '09:30' }],
  ['Call friday, dec 4', 'Call', { date: '2026-12-04' }],
  ['Meet at 10 with Ann', 'Meet with Ann', { date: '2026-11-29', time: '10:00' }],
  ['Meet on 2026-12-24 at 10', 'Meet', { date: '2026-12-24', time: '10:00' }],
  ['Movie @ 8pm', 'Movie', { date: '2026-11-28', time: '20:00' }],
  ['Movie @8pm', 'Movie', { date: '2026-11-28', time: '20:00' }],
  ['Call sat 9am', 'Call', { date: '2026-12-05', time: '09:00' }],
  ['Call tomorrow morning', 'Call', { date: '2026-11-29', time: '09:00' }],
  ['Call friday in the afternoon', 'Call', { date: '2026-12-04', time: '15:00' }],
  ['Eat at noon', 'Eat', { date: '2026-11-28', time: '12:00' }],
  ['Call 11am', 'Call', { date: '2026-11-28', time: '11:00' }],
  ['Call 9am', 'Call', { date: '2026-11-29', time: '09:00' }],
  ['Call in 2 hours', 'Call', { date: '2026-11-28', time: '12:00' }],
  ['Tea in half an hour', 'Tea', { date: '2026-11-28', time: '10:30' }],
  ['Call in 45 min', 'Call', { date: '2026-11-28', time: '10:45' }],
  ['Call in 15 hours', 'Call', { date: '2026-11-29', time: '01:00' }],
  // Tags and priorities.
  ['Call #work', 'Call', { tags: ['work'] }],
  ['#work call #Phone #WORK', 'call', { tags: ['work', 'Phone'] }],
  ['Call #büro/süd, then rest', 'Call, then rest', { tags: ['büro/süd'] }],
  ['Call !high', 'Call', { priority: 'high' }],
  ['Call !2', 'Call', { priority: 'medium' }],
  ['p3 call', 'call', { priority: 'low' }],
  ['Call !high !low', 'Call !high', { priority: 'low' }],
  // Recurrence.
  ['Water every day', 'Water', { date: '2026-11-28', rule: 'FREQ=DAILY' }],
  ['Water every 3 days', 'Water', { date: '2026-11-28', rule: 'FREQ=DAILY;INTERVAL=3' }],
  ['Water every other day', 'Water', { date: '2026-11-28', rule: 'FREQ=DAILY;INTERVAL=2' }],
  ['Work each weekday', 'Work', { date: '2026-11-30', rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' }],
  ['Rest every weekend', 'Rest', { date: '2026-11-28', rule: 'FREQ=WEEKLY;BYDAY=SA,SU' }],
  ['Bins every monday', 'Bins', { date: '2026-11-30', rule: 'FREQ=WEEKLY;BYDAY=MO' }],
  ['Run every mon, wed and fri', 'Run', { date: '2026-11-30', rule: 'FREQ=WEEKLY;BYDAY=MO,WE,FR' }],
  ['Bins every other sat', 'Bins', { date: '2026-11-28', rule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=SA' }],
  ['Call every week', 'Call', { date: '2026-11-28', rule: 'FREQ=WEEKLY;BYDAY=SA' }],
  ['Call every 2 weeks', 'Call', { date: '2026-11-28', rule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=SA' }],
  [
    'Call every two weeks on tuesday',
    'Call',
    { date: '2026-12-01', rule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU' },
  ],
  ['Rent every month', 'Rent', { date: '2026-11-28', rule: monthly(28) }],
  ['Rent every 15th', 'Rent', { date: '2026-12-15', rule: monthly(15) }],
  ['Rent every 31st', 'Rent', { date: '2026-11-30', rule: monthly(31) }],
  ['Rent every month on the 1st', 'Rent', { date: '2026-12-01', rule: monthly(1) }],
  ['Rent on the 1st of every month', 'Rent', { date: '2026-12-01', rule: monthly(1) }],
  [
    'Meet the last friday of each month',
    'Meet',
    { date: '2026-12-25', rule: 'FREQ=MONTHLY;BYDAY=-1FR' },
  ],
  ['Pay every 1st and 15th', 'Pay', { date: '2026-12-01', rule: `${monthly(1)},15` }],
  [
    'Invoice every last day of the month',
    'Invoice',
    { date: '2026-11-30', rule: 'FREQ=MONTHLY;BYMONTHDAY=-1' },
  ],
  ['Meet every first monday', 'Meet', { date: '2026-12-07', rule: 'FREQ=MONTHLY;BYDAY=1MO' }],
  [
    'Meet every last friday of the month',
    'Meet',
    { date: '2026-12-25', rule: 'FREQ=MONTHLY;BYDAY=-1FR' },
  ],
  [
    'Pay every last weekday',
    'Pay',
    { date: '2026-11-30', rule: 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1' },
  ],
  [
    'VAT every quarter',
    'VAT',
    {
      date: '2026-11-28',
      rule: `RSCALE=GREGORIAN;FREQ=MONTHLY;INTERVAL=3;SKIP=BACKWARD;BYMONTHDAY=28`,
    },
  ],
  ['Checkup every year', 'Checkup', { date: '2026-11-28', rule: 'FREQ=YEARLY' }],
  [
    'Birthday every Jan 5',
    'Birthday',
    { date: '2027-01-05', rule: 'FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=5' },
  ],
  [
    'Birthday every 29 february',
    'Birthday',
    {
      date: '2027-02-28',
      rule: 'RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;BYMONTH=2;BYMONTHDAY=29',
    },
  ],
  [
    'Water every! 3 days',
    'Water',
    { date: '2026-11-28', rule: 'FREQ=DAILY;INTERVAL=3', from: 'completion' },
  ],
  [
    'Water every week after completion',
    'Water',
    { date: '2026-11-28', rule: 'FREQ=WEEKLY;BYDAY=SA', from: 'completion' },
  ],
  ['Run every day at 9am', 'Run', { date: '2026-11-29', time: '09:00', rule: 'FREQ=DAILY' }],
  ['Run every day at 11am', 'Run', { date: '2026-11-28', time: '11:00', rule: 'FREQ=DAILY' }],
  ['Run every day until Dec 24', 'Run', { date: '2026-11-28', rule: 'FREQ=DAILY;UNTIL=20261224' }],
  ['Run every monday starting Dec 10', 'Run', { date: '2026-12-14', rule: 'FREQ=WEEKLY;BYDAY=MO' }],
  ['Open until Friday', 'Open until Friday'],
  [
    'Call Anna tomorrow 9am #work !high every monday',
    'Call Anna',
    {
      date: '2026-11-30',
      time: '09:00',
      tags: ['work'],
      priority: 'high',
      rule: 'FREQ=WEEKLY;BYDAY=MO',
    },
  ],
]

describe('quick add', () => {
  for (const [text, title, expected = {}] of CASES) {
    it(text === '' ? 'an empty text' : text, () => {
      const { chips, task, ...rest } = parseQuickAdd(text, HERE)
      const { date, time, rule, from = 'due', ...same } = expected
      assert.deepEqual(rest, { title })
      assert.deepEqual(task, {
        title,
        ...same,
        ...(date && { due_date: date }),
        ...(time && { due_time: time, due_zone: 'Europe/Berlin' }),
        ...(rule && { recurrence: { rule, from } }),
      })
      let end = 0
      for (const chip of chips) {
        assert.equal(text.slice(chip.start, chip.end), chip.text)
        assert.ok(chip.start >= end, 'chips do not overlap')
        end = chip.end
      }
      if (rule !== undefined && date !== undefined) {
        const parsed = parseRule(rule)
        assert.ok(parsed.outcome === 'rule', 'the server takes the rule')
        assert.equal(dateOnOrAfter(parsed.rule, date, date).date, date, 'the rule has the date')
      }
    })
  }

  it('each chip says its kind, its words and its value', () => {
    const { chips } = parseQuickAdd('Call tomorrow at 9 #work !1 every! day', HERE)
    assert.deepEqual(chips, [
      {
        kind: 'date',
        date: '2026-11-29',
        text: 'tomorrow',
        start: 5,
        end: 13,
        key: 'date:tomorrow',
      },
      { kind: 'time', time: '09:00', text: 'at 9', start: 14, end: 18, key: 'time:at 9' },
      { kind: 'tag', tag: 'work', text: '#work', start: 19, end: 24, key: 'tag:#work' },
      { kind: 'priority', priority: 'high', text: '!1', start: 25, end: 27, key: 'priority:!1' },
      {
        kind: 'recurrence',
        rule: 'FREQ=DAILY',
        from: 'completion',
        text: 'every! day',
        start: 28,
        end: 38,
        key: 'recurrence:every! day',
      },
    ])
  })

  it('the chips show the date that is stored, also where a recurrence moves it', () => {
    const cases = [
      ['Call Anna tomorrow 9am #work !high every monday', '2026-11-30'],
      ['Call Anna tomorrow every friday', '2026-12-04'],
      ['Call Anna in 2 hours every monday', '2026-11-30'],
      ['Call Anna tonight every day', '2026-11-28'],
      ['Call Anna monday every monday', '2026-11-30'],
    ] as const
    for (const [text, stored] of cases) {
      const { chips, task } = parseQuickAdd(text, HERE)
      const shown = chips.flatMap((chip) => ('date' in chip ? [chip.date] : []))
      assert.deepEqual([shown, task.due_date], [[stored], stored], text)
    }
  })

  it('"tonight" has no time once it is over, and can be text', () => {
    const late = { ...HERE, now: new Date('2026-11-28T20:00:00Z') }
    const { task } = parseQuickAdd('Call tonight', late)
    assert.deepEqual([task.due_date, task.due_time], ['2026-11-28', undefined])
    const ignored = new Set(['time:tonight'])
    assert.deepEqual(parseQuickAdd('Call tonight', { ...HERE, ignored }).chips, [])
  })

  it('a chip that was turned back into text stays text, wherever it is', () => {
    const text = 'Call tomorrow 9am #work !high every monday'
    let all = new Set<string>()
    for (const { key } of parseQuickAdd(text, HERE).chips) {
      const one = parseQuickAdd(text, { ...HERE, ignored: new Set([key]) })
      assert.ok(one.chips.every((chip) => chip.key !== key))
      assert.equal(one.chips.length, 4)
      all = all.add(key)
    }
    assert.deepEqual(parseQuickAdd(text, { ...HERE, ignored: all }), {
      ...{ title: text, chips: [], task: { title: text } },
    })
    const { title, task } = parseQuickAdd('Monday report tomorrow', {
      ...HERE,
      ignored: new Set(['date:tomorrow', 'date:monday']),
    })
    assert.deepEqual([title, task.due_date], ['Monday report tomorrow', undefined])
  })

  it('today is the day of the zone, on both sides of midnight', () => {
    const now = new Date('2026-11-28T23:30:00Z')
    const dueIn = (timeZone: string) => parseQuickAdd('x today', { now, timeZone }).task.due_date
    assert.deepEqual(
      ['America/Los_Angeles', 'Europe/London', 'Europe/Berlin', 'Pacific/Kiritimati'].map(dueIn),
      ['2026-11-28', '2026-11-28', '2026-11-29', '2026-11-29'],
    )
  })

  it('where the clocks change, days stay days and hours are real hours', () => {
    // In Berlin, 2027-03-28 has no 02:30, and 2027-10-31 has it twice.
    const timeZone = 'Europe/Berlin'
    const due = (text: string, now: string) => {
      const { due_date, due_time } = parseQuickAdd(text, { now: new Date(now), timeZone }).task
      return `${due_date} ${due_time}`
    }
    assert.equal(due('x in 2 hours', '2027-03-28T00:30:00Z'), '2027-03-28 04:30')
    assert.equal(due('x in 2 hours', '2027-10-30T23:30:00Z'), '2027-10-31 02:30')
    assert.equal(due('x in 1 hour', '2027-10-31T00:30:00Z'), '2027-10-31 02:30')
    assert.equal(due('x tomorrow 2:30am', '2027-03-27T12:00:00Z'), '2027-03-28 02:30')
    assert.equal(due('x in 1 day at 2:30', '2027-03-26T23:30:00Z'), '2027-03-28 02:30')
    assert.equal(due('x mar 28 2:30am', '2027-03-27T01:30:00Z'), '2027-03-28 02:30')
  })

  it('the order of day and month is that of the person', () => {
    const due = (dayFirst: boolean) =>
      parseQuickAdd('Report 1/12/2026', { ...HERE, dayFirst }).task.due_date
    assert.deepEqual([due(true), due(false)], ['2026-12-01', '2026-01-12'])
    assert.deepEqual(['en-US', 'en-GB', 'de', 'ja'].map(isDayFirst), [false, true, true, false])
  })

  it('a zone that is not of the IANA database is left out', () => {
    const { task } = parseQuickAdd('x 11am', { now: HERE.now, timeZone: '+02:00' })
    assert.deepEqual(task, { title: 'x', due_date: '2026-11-29', due_time: '11:00' })
  })

  it('at most 20 tags, and text of more than 1000 characters has no chips', () => {
    const tags = Array.from({ length: 22 }, (_, n) => `#t${n}`)
    const { title, task } = parseQuickAdd(`x ${tags.join(' ')}`, HERE)
    assert.deepEqual([title, task.tags?.length], ['x #t20 #t21', 20])
    const long = `${'x '.repeat(500)}tomorrow`
    assert.deepEqual(parseQuickAdd(long, HERE).task, { title: long })
  })

  /** With exponential or cubic time in the length, these would not end within the time limit of a test file. */
  it('500 characters of any words are parsed', () => {
    const parts = [
      ...[
        'every ',
        'every mon, ',
        'mon,mon ',
        'at ',
        '1 ',
        '1:1 ',
        '1/',
        '1st and ',
        '#',
        '#a',
        '!',
        '"',
      ],
      ...[
        '“',
        ' ',
        '\t',
        'in ',
        'in a ',
        'next ',
        'dec ',
        'dec 1 ',
        '2026-12-',
        'until ',
        'every 1st and ',
        'a@',
      ],
      ...['monday - ', 'tomorrow ', '9am ', 'half an ', 'a.m.', '\uFFFC', 'every first ', 'p1 !1 '],
    ]
    for (const part of parts) {
      const text = part.repeat(500).slice(0, 500)
      for (let n = 0; n < 3; n += 1) {
        const { chips } = parseQuickAdd(text, HERE)
        for (const { text: words, start, end } of chips) assert.equal(text.slice(start, end), words)
      }
    }
  })
})
