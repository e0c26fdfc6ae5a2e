import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RRuleTemporal } from 'rrule-temporal'
import { dateOf, dayOf } from '../../src/core/recurrence/calendar-date.ts'
import { dateOnOrAfter, SEARCH_STEPS } from '../../src/core/recurrence/dates.ts'
import { comes, nextOccurrence } from '../../src/core/recurrence/next-occurrence.ts'
import { parseRule, type Rule } from '../../src/core/recurrence/rule.ts'
import { anyCharacter } from '../support/characters.ts'
import { datesOfRule } from '../support/rule-dates.ts'

// In CI the seed is fixed, so that a change fails by its own fault. A failure prints the seed.
const seed = process.env.CI ? { seed: 20_261_128 } : {}

const listed = (most: number) => Array.from({ length: most }, (_, at) => at + 1).join(',')

describe('a rule', () => {
  const accepted = [
    'FREQ=DAILY',
    'FREQ=DAILY;INTERVAL=999',
    'INTERVAL=2;FREQ=DAILY',
    'FREQ=DAILY;COUNT=1',
    'FREQ=DAILY;COUNT=1000',
    'FREQ=DAILY;UNTIL=20280229',
    'FREQ=DAILY;BYMONTHDAY=-31,+31,01',
    'FREQ=WEEKLY;BYDAY=MO,MO',
    'FREQ=MONTHLY;BYDAY=+1MO,-53SU',
    'FREQ=YEARLY;BYMONTH=12,1;BYDAY=MO;BYSETPOS=-366,366',
    'FREQ=WEEKLY;BYMONTH=2;WKST=SU',
    'RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD',
    `FREQ=DAILY;BYMONTHDAY=${listed(31)};BYMONTH=${listed(12)};BYSETPOS=${listed(18)}`,
  ]
  for (const text of accepted) {
    it(`${text} is accepted`, () => assert.equal(parseRule(text).outcome, 'rule'))
  }

  it('is parsed with its defaults', () => {
    assert.deepEqual(parseRule('FREQ=DAILY'), {
      outcome: 'rule',
      rule: {
        frequency: 'DAILY',
        interval: 1,
        byDay: [],
        byMonthDay: [],
        byMonth: [],
        bySetPos: [],
        weekStart: 'MO',
        skipsBackward: false,
      },
    })
  })

  it('is parsed with all its parts', () => {
    const parts = 'INTERVAL=2;BYDAY=-1MO,TU;BYMONTHDAY=-3;BYMONTH=2,12;BYSETPOS=+1,-1;WKST=SU'
    const parsed = parseRule(`FREQ=YEARLY;${parts};UNTIL=00010203;RSCALE=GREGORIAN;SKIP=BACKWARD`)
    assert.deepEqual(parsed, {
      outcome: 'rule',
      rule: {
        frequency: 'YEARLY',
        interval: 2,
        byDay: [{ position: -1, weekday: 'MO' }, { weekday: 'TU' }],
        byMonthDay: [-3],
        byMonth: [2, 12],
        bySetPos: [1, -1],
        until: '0001-02-03',
        weekStart: 'SU',
        skipsBackward: true,
      },
    })
    const counted = parseRule('FREQ=DAILY;COUNT=7')
    assert.equal(counted.outcome === 'rule' && counted.rule.count, 7)
  })

  const refused: Readonly<Record<string, readonly string[]>> = {
    'FREQ must be DAILY, WEEKLY, MONTHLY, YEARLY.': [
      'INTERVAL=2',
      ...['SECONDLY', 'MINUTELY', 'HOURLY', 'FORTNIGHTLY', 'DAILY,WEEKLY', '1'].map(
        (f) => `FREQ=${f}`,
      ),
    ],
    'A rule consists of upper-case letters, digits and the characters = ; , + and -.': [
      '',
      'freq=daily',
      'FREQ=Daily',
      'RRULE:FREQ=DAILY',
      'FREQ=DAILY ',
      'FREQ=DAILY\n',
      'FREQ=DAILY;X_Y=1',
      'FREQ=DAILY\u0000',
      'FREQ=\u0130',
    ],
    'Write each part of a rule as NAME=VALUE.': [
      ';',
      'FREQ',
      'FREQ=',
      'FREQ=DAILY;',
      ';FREQ=DAILY',
      'FREQ=DAILY;;COUNT=1',
      'FREQ==DAILY',
      'FREQ=DAILY=1',
    ],
    'A rule may have these parts: FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, COUNT, UNTIL, WKST, RSCALE, SKIP.':
      [
        'BYHOUR=1',
        'BYMINUTE=1',
        'BYSECOND=1',
        'BYYEARDAY=1',
        'BYWEEKNO=1',
        'X-A=1',
        'DTSTART=20270101',
      ].map((part) => `FREQ=YEARLY;${part}`),
    'A rule may have FREQ once.': ['FREQ=DAILY;FREQ=DAILY'],
    'A rule may have COUNT once.': ['FREQ=DAILY;COUNT=1;COUNT=1'],
    'INTERVAL must be a whole number from 1 to 999.': [
      '0',
      '1000',
      '-1',
      '+1',
      'A',
      '1,2',
      '9'.repeat(100),
    ].map((value) => `FREQ=DAILY;INTERVAL=${value}`),
    'COUNT must be a whole number from 1 to 1000.': ['0', '1001', '-1'].map(
      (value) => `FREQ=DAILY;COUNT=${value}`,
    ),
    'UNTIL must be a date without a time: YYYYMMDD.': [
      ...[
        '20270101T000000Z',
        '20270101T000000',
        '20270229',
        '20271301',
        '2027-01-01',
        '00000101',
        '2027',
      ],
    ].map((value) => `FREQ=DAILY;UNTIL=${value}`),
    'Each day of BYDAY must be MO, TU, WE, TH, FR, SA, SU.': [
      'XX',
      'MO,',
      ',MO',
      '1',
      'MOTU',
      '--1MO',
      'MO1',
    ].map((value) => `FREQ=MONTHLY;BYDAY=${value}`),
    'The numbers in BYDAY must list whole numbers from 1 to 53 or from -53 to -1.': [
      '0MO',
      '54MO',
      '-54MO',
    ].map((value) => `FREQ=YEARLY;BYDAY=${value}`),
    'BYMONTHDAY must list whole numbers from 1 to 31 or from -31 to -1.': [
      '0',
      '32',
      '-32',
      '1,',
      'L',
      '-',
    ].map((value) => `FREQ=MONTHLY;BYMONTHDAY=${value}`),
    'Each month of BYMONTH must be a whole number from 1 to 12.': ['0', '13', '-1', '5L', '1,'].map(
      (value) => `FREQ=YEARLY;BYMONTH=${value}`,
    ),
    'BYSETPOS must list whole numbers from 1 to 366 or from -366 to -1.': ['0', '367', '-367'].map(
      (value) => `FREQ=DAILY;BYDAY=MO;BYSETPOS=${value}`,
    ),
    'WKST must be MO, TU, WE, TH, FR, SA, SU.': ['FREQ=WEEKLY;WKST=1', 'FREQ=WEEKLY;WKST=MO,TU'],
    'A rule has COUNT or UNTIL, not both.': ['FREQ=DAILY;COUNT=1;UNTIL=20270101'],
    'A WEEKLY rule must not have BYMONTHDAY.': ['FREQ=WEEKLY;BYMONTHDAY=1'],
    'A number before a day in BYDAY needs FREQ=MONTHLY or FREQ=YEARLY.': [
      'FREQ=WEEKLY;BYDAY=1MO',
      'FREQ=DAILY;BYDAY=MO,-1TU',
    ],
    'BYSETPOS needs BYDAY, BYMONTHDAY or BYMONTH.': ['FREQ=MONTHLY;BYSETPOS=1'],
    'RSCALE and SKIP must be RSCALE=GREGORIAN;SKIP=BACKWARD, both or neither.': [
      ...['SKIP=BACKWARD', 'RSCALE=GREGORIAN', 'RSCALE=HEBREW;SKIP=BACKWARD', 'RSCALE=A;SKIP=A'],
      ...['RSCALE=GREGORIAN;SKIP=OMIT', 'RSCALE=GREGORIAN;SKIP=FORWARD'],
    ].map((parts) => `FREQ=MONTHLY;${parts}`),
    'A rule has at most 200 characters.': [
      `FREQ=DAILY;BYMONTHDAY=${'1,'.repeat(89)}1`,
      '\ud83d\ude00'.repeat(1e5),
    ],
  }
  for (const [reason, texts] of Object.entries(refused)) {
    for (const text of texts) {
      it(`${JSON.stringify(text.slice(0, 60))} is refused: ${reason}`, () => {
        assert.deepEqual(parseRule(text), { outcome: 'refused', reason })
      })
    }
  }

  it('may have exactly 200 characters', () => {
    const text = `FREQ=DAILY;BYMONTHDAY=${'1,'.repeat(88)}01`
    assert.equal(text.length, 200)
    assert.equal(parseRule(text).outcome, 'rule')
  })
})

/** Rules of all shapes that are allowed, most of which come. */
const rules = fc
  .record({
    FREQ: fc.constantFrom('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'),
    INTERVAL: fc.option(fc.constantFrom(1, 2, 3, 4, 5, 7, 12, 13), { nil: undefined }),
    days: fc.array(fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'), { maxLength: 3 }),
    positions: fc.array(fc.constantFrom('', '', '1', '2', '4', '5', '-1', '-2', '-5'), {
      minLength: 3,
    }),
    monthDays: fc.array(fc.constantFrom(1, 13, 15, 28, 29, 30, 31, -1, -2, -30, -31), {
      maxLength: 3,
    }),
    months: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }),
    setPos: fc.array(fc.constantFrom(1, 2, 3, -1, -2), { maxLength: 2 }),
    WKST: fc.option(fc.constantFrom('MO', 'WE', 'SU'), { nil: undefined }),
    isBackward: fc.boolean(),
  })
  .map(({ FREQ, INTERVAL, days, positions, monthDays, months, setPos, WKST, isBackward }) => {
    const counts = FREQ === 'MONTHLY' || FREQ === 'YEARLY'
    const parts = {
      FREQ,
      INTERVAL,
      BYDAY: days.map((day, at) => (counts ? `${positions[at]}${day}` : day)).join(','),
      BYMONTHDAY: FREQ === 'WEEKLY' ? '' : monthDays.join(','),
      BYMONTH: months.join(','),
      WKST,
      RSCALE: isBackward ? 'GREGORIAN' : undefined,
      SKIP: isBackward ? 'BACKWARD' : undefined,
    }
    const selects = parts.BYDAY || parts.BYMONTHDAY || parts.BYMONTH
    return Object.entries({ ...parts, BYSETPOS: selects ? setPos.join(',') : '' })
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .join(';')
  })

const dates = fc.integer({ min: dayOf('1995-01-01'), max: dayOf('2035-12-31') }).map(dateOf)
const laterDays = fc.integer({ min: 1, max: 3_000 })

function accept(text: string): Rule {
  const parsed = parseRule(text)
  return parsed.outcome === 'rule' ? parsed.rule : assert.fail(`${text}: ${parsed.reason}`)
}

describe('the dates of random rules', () => {
  it('are those of a search that looks at every day', () => {
    let found = 0
    fc.assert(
      fc.property(rules, dates, laterDays, (text, firstDate, days) => {
        const rule = accept(text)
        const from = dateOf(dayOf(firstDate) + days)
        const last = dateOf(dayOf(from) + 4_000)
        const [expected] = datesOfRule(rule, firstDate, dateOf(dayOf(from) - 1), last)
        const { date } = dateOnOrAfter(rule, firstDate, from)
        assert.equal(date !== undefined && date <= last ? date : undefined, expected, text)
        found += expected === undefined ? 0 : 1
      }),
      { numRuns: 300, ...seed },
    )
    assert.ok(found > 150)
  })

  it('are those of rrule-temporal, where it follows the RFCs', () => {
    let found = 0
    fc.assert(
      fc.property(rules, dates, laterDays, (text, firstDate, days) => {
        // Its version 2.2.8 mistakes numbers before days in YEARLY rules, and SKIP with several days.
        fc.pre(!/YEARLY.*BYDAY=[^;]*\d[A-Z]/.test(text))
        fc.pre(!/BYMONTHDAY=.*SKIP/.test(text))
        const rule = accept(text)
        const library = new RRuleTemporal({
          rruleString: `DTSTART:${firstDate.replaceAll('-', '')}T000000Z\nRRULE:${text}`,
          maxIterations: 100_000,
        })
        const { date } = dateOnOrAfter(rule, firstDate, dateOf(dayOf(firstDate) + days))
        fc.pre(date !== undefined && date < '2060')
        const after = new Date(`${dateOf(dayOf(firstDate) + days - 1)}T00:00:00Z`)
        assert.equal(library.next(after)?.toString().slice(0, 10), date, text)
        found += 1
      }),
      { numRuns: 150, ...seed },
    )
    assert.ok(found > 100)
  })
})

describe('hostile rules', () => {
  const WORDS = [
    ...[
      'FREQ=DAILY',
      'FREQ=WEEKLY',
      'FREQ=MONTHLY',
      'FREQ=YEARLY',
      'INTERVAL=',
      'BYDAY=',
      'BYMONTHDAY=',
    ],
    ...['BYMONTH=', 'BYSETPOS=', 'COUNT=', 'UNTIL=', 'WKST=', 'RSCALE=GREGORIAN', 'SKIP=BACKWARD'],
    ...[
      ';',
      ';',
      ';',
      ',',
      '=',
      '-',
      '+',
      '0',
      '1',
      '2',
      '29',
      '31',
      '53',
      '366',
      '999',
      'MO',
      'SU',
    ],
    ...['20270101', '__proto__', 'constructor', '\u0000', '\ud800', ' ', '9e9', 'Infinity'],
  ]
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join('')),
    rules.map((text) => `${text};COUNT=5`),
    fc.tuple(rules, fc.nat(), fc.constantFrom(...WORDS)).map(([text, at, word]) => {
      const split = at % (text.length + 1)
      return text.slice(0, split) + word + text.slice(split)
    }),
    fc.string({ unit: anyCharacter, maxLength: 300 }),
  )
  const anyDate = fc.integer({ min: dayOf('0001-01-01'), max: dayOf('9999-12-31') }).map(dateOf)

  it('are accepted or refused, and nothing else happens', () => {
    const outcomes = { rule: 0, refused: 0 }
    const days = fc.record({
      firstDate: anyDate,
      dueDate: anyDate,
      completedOn: anyDate,
      today: anyDate,
    })
    const from = fc.constantFrom('due', 'completion')
    fc.assert(
      fc.property(texts, days, from, fc.nat({ max: 10 }), (text, given, start, made) => {
        const parsed = parseRule(text)
        outcomes[parsed.outcome] += 1
        if (parsed.outcome === 'refused') return assert.match(parsed.reason, /^[A-Z].*\.$/)
        const { rule } = parsed
        comes(rule, given.firstDate)
        const next = nextOccurrence({ rule, from: start, ...given, made })
        if (next === undefined) return
        const passed =
          start === 'due' ? [given.firstDate, given.dueDate, given.today] : [given.completedOn]
        assert.ok(passed.every((date) => next > date))
        assert.match(next, /^\d{4}-\d{2}-\d{2}$/)
      }),
      { numRuns: 1_500, ...seed },
    )
    assert.ok(outcomes.rule > 100 && outcomes.refused > 100, JSON.stringify(outcomes))
  })

  const neverComing = [
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30',
    `FREQ=DAILY;INTERVAL=999;BYMONTH=2;BYMONTHDAY=30;BYSETPOS=${listed(20)}`,
    'FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2',
    'FREQ=WEEKLY;INTERVAL=52;BYDAY=MO;BYMONTH=2;BYSETPOS=300',
    `FREQ=MONTHLY;BYMONTHDAY=${listed(31)};BYSETPOS=366`,
    'FREQ=MONTHLY;INTERVAL=12;BYMONTH=3;BYDAY=6MO,-6MO',
    `FREQ=YEARLY;BYMONTHDAY=${listed(31)};BYDAY=MO;BYSETPOS=366`,
    'FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA;BYSETPOS=366,-366,365,-365,364,-364',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
  ]
  for (const text of neverComing) {
    it(`${text.slice(0, 60)} ends within its steps`, () => {
      for (const firstDate of ['0001-01-01', '2027-04-01']) {
        const { date, steps } = dateOnOrAfter(accept(text), firstDate, firstDate)
        assert.equal(date, undefined)
        assert.ok(steps > 100 && steps <= SEARCH_STEPS, String(steps))
      }
    })
  }

  it('a series of the year 1 costs one step today: the search does not begin with its first date', () => {
    for (const text of ['FREQ=DAILY', 'FREQ=WEEKLY', 'FREQ=MONTHLY', 'FREQ=YEARLY;BYMONTH=1']) {
      const { steps } = dateOnOrAfter(accept(text), '0001-01-01', '2027-01-01')
      assert.ok(steps <= 2, `${text}: ${steps}`)
    }
  })
})
