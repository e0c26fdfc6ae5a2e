import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dateOnOrAfter } from '../../src/core/recurrence/dates.ts'
import { nextOccurrence, type Occurrence } from '../../src/core/recurrence/next-occurrence.ts'
import { parseRule, type Rule } from '../../src/core/recurrence/rule.ts'

function ruleOf(text: string): Rule {
  const parsed = parseRule(text)
  assert.equal(parsed.outcome, 'rule', `${text}: ${JSON.stringify(parsed)}`)
  return parsed.outcome === 'rule' ? parsed.rule : assert.fail()
}

/** The first dates of a series whose tasks are each completed on their due date. */
function seriesOf(text: string, firstDate: string, most: number): string[] {
  const rule = ruleOf(text)
  const dates = [firstDate]
  while (dates.length < most) {
    const dueDate = dates.at(-1) ?? ''
    const days = { firstDate, dueDate, completedOn: dueDate, today: dueDate }
    const next = nextOccurrence({ rule, from: 'due', ...days, made: dates.length })
    if (next === undefined) break
    dates.push(next)
  }
  return dates
}

/** `1997-09-02 16; 10-01` stands for three dates: a day takes its month from the date before it. */
function datesIn(text: string): string[] {
  let [year, month] = ['', '']
  return text.split(/[ ;]+/).map((item) => {
    const parts = item.split('-')
    const day = parts.pop()
    month = parts.pop() ?? month
    year = parts.pop() ?? year
    return `${year}-${month}-${day}`
  })
}

const EVERY_WEEKDAY = 'BYDAY=MO,TU,WE,TH,FR'
const BACKWARD = 'RSCALE=GREGORIAN;SKIP=BACKWARD'

/** The rule, its dates from the first one, and whether the series ends after them. */
type Case = readonly [rule: string, dates: string, ends?: 'ends']

const RFC_5545: readonly Case[] = [
  ['FREQ=DAILY;COUNT=10', '1997-09-02 03 04 05 06 07 08 09 10 11', 'ends'],
  ['FREQ=DAILY;UNTIL=19970905', '1997-09-02 03 04 05', 'ends'],
  ['FREQ=DAILY;INTERVAL=2', '1997-09-02 04 06 08 10 12 14 16 18 20 22 24 26 28 30; 10-02 04'],
  ['FREQ=DAILY;INTERVAL=10;COUNT=5', '1997-09-02 12 22; 10-02 12', 'ends'],
  [
    'FREQ=YEARLY;UNTIL=19990102;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA',
    '1998-01-30 31; 1999-01-01 02',
    'ends',
  ],
  ['FREQ=DAILY;UNTIL=20000102;BYMONTH=1', '1999-01-30 31; 2000-01-01 02', 'ends'],
  ['FREQ=WEEKLY;COUNT=10', '1997-09-02 09 16 23 30; 10-07 14 21 28; 11-04', 'ends'],
  ['FREQ=WEEKLY;UNTIL=19971007', '1997-09-02 09 16 23 30; 10-07', 'ends'],
  [
    'FREQ=WEEKLY;INTERVAL=2;WKST=SU',
    '1997-09-02 16 30; 10-14 28; 11-11 25; 12-09 23; 1998-01-06 20; 02-03',
  ],
  [
    'FREQ=WEEKLY;UNTIL=19971006;WKST=SU;BYDAY=TU,TH',
    '1997-09-02 04 09 11 16 18 23 25 30; 10-02',
    'ends',
  ],
  ['FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH', '1997-09-02 04 09 11 16 18 23 25 30; 10-02', 'ends'],
  [
    'FREQ=WEEKLY;INTERVAL=2;UNTIL=19971223;WKST=SU;BYDAY=MO,WE,FR',
    '1997-09-01 03 05 15 17 19 29; 10-01 03 13 15 17 27 29 31; 11-10 12 14 24 26 28; 12-08 10 12 22',
    'ends',
  ],
  [
    'FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH',
    '1997-09-02 04 16 18 30; 10-02 14 16',
    'ends',
  ],
  [
    'FREQ=MONTHLY;COUNT=10;BYDAY=1FR',
    '1997-09-05; 10-03; 11-07; 12-05; 1998-01-02; 02-06; 03-06; 04-03; 05-01; 06-05',
    'ends',
  ],
  ['FREQ=MONTHLY;UNTIL=19971224;BYDAY=1FR', '1997-09-05; 10-03; 11-07; 12-05', 'ends'],
  [
    'FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU',
    '1997-09-07 28; 11-02 30; 1998-01-04 25; 03-01 29; 05-03 31',
    'ends',
  ],
  ['FREQ=MONTHLY;COUNT=6;BYDAY=-2MO', '1997-09-22; 10-20; 11-17; 12-22; 1998-01-19; 02-16', 'ends'],
  ['FREQ=MONTHLY;BYMONTHDAY=-3', '1997-09-28; 10-29; 11-28; 12-29; 1998-01-29; 02-26'],
  [
    'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15',
    '1997-09-02 15; 10-02 15; 11-02 15; 12-02 15; 1998-01-02 15',
    'ends',
  ],
  [
    'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1',
    '1997-09-30; 10-01 31; 11-01 30; 12-01 31; 1998-01-01 31; 02-01',
    'ends',
  ],
  [
    'FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15',
    '1997-09-10 11 12 13 14 15; 1999-03-10 11 12 13',
    'ends',
  ],
  [
    'FREQ=MONTHLY;INTERVAL=2;BYDAY=TU',
    '1997-09-02 09 16 23 30; 11-04 11 18 25; 1998-01-06 13 20 27; 03-03 10 17 24 31',
  ],
  [
    'FREQ=YEARLY;COUNT=10;BYMONTH=6,7',
    '1997-06-10; 07-10; 1998-06-10; 07-10; 1999-06-10; 07-10; 2000-06-10; 07-10; 2001-06-10; 07-10',
    'ends',
  ],
  [
    'FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3',
    '1997-03-10; 1999-01-10; 02-10; 03-10; 2001-01-10; 02-10; 03-10; 2003-01-10; 02-10; 03-10',
    'ends',
  ],
  ['FREQ=YEARLY;BYDAY=20MO', '1997-05-19; 1998-05-18; 1999-05-17'],
  ['FREQ=YEARLY;BYMONTH=3;BYDAY=TH', '1997-03-13 20 27; 1998-03-05 12 19 26; 1999-03-04 11 18 25'],
  [
    'FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8',
    '1997-06-05 12 19 26; 07-03 10 17 24 31; 08-07 14 21 28; 1998-06-04',
  ],
  [
    'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
    '1997-09-02; 1998-02-13; 03-13; 11-13; 1999-08-13; 2000-10-13',
  ],
  [
    'FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13',
    '1997-09-13; 10-11; 11-08; 12-13; 1998-01-10; 02-07; 03-07; 04-11; 05-09; 06-13',
  ],
  [
    'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
    '1996-11-05; 2000-11-07; 2004-11-02',
  ],
  ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', '1997-09-04; 10-07; 11-06', 'ends'],
  [
    `FREQ=MONTHLY;${EVERY_WEEKDAY};BYSETPOS=-2`,
    '1997-09-29; 10-30; 11-27; 12-30; 1998-01-29; 02-26; 03-30',
  ],
  ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', '1997-08-05 10 19 24', 'ends'],
  ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', '1997-08-05 17 19 31', 'ends'],
  ['FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5', '2007-01-15 30; 02-15; 03-15 30', 'ends'],
]

const RFC_7529: readonly Case[] = [
  ['FREQ=MONTHLY;COUNT=4', '2014-01-31; 03-31; 05-31; 07-31', 'ends'],
  [`${BACKWARD};FREQ=MONTHLY;COUNT=4`, '2014-01-31; 02-28; 03-31; 04-30', 'ends'],
  [`FREQ=YEARLY;${BACKWARD}`, '2016-02-29; 2017-02-28; 2018-02-28; 2019-02-28; 2020-02-29'],
  ['FREQ=YEARLY', '2016-02-29; 2020-02-29; 2024-02-29'],
  ['FREQ=YEARLY', '2096-02-29; 2104-02-29'],
  [`FREQ=MONTHLY;BYMONTHDAY=30,31;${BACKWARD}`, '2027-01-30 31; 02-28; 03-30 31; 04-30; 05-30'],
  [`FREQ=MONTHLY;BYMONTHDAY=29;${BACKWARD}`, '2027-01-29; 02-28; 03-29'],
  [`FREQ=MONTHLY;INTERVAL=13;${BACKWARD}`, '2027-01-31; 2028-02-29; 2029-03-31; 2030-04-30'],
  // BYDAY limits the days after SKIP has moved them.
  [`FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=SU;${BACKWARD}`, '2027-01-31; 02-28; 10-31; 2028-04-30'],
  // BYSETPOS counts them once.
  [`FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=2;${BACKWARD}`, '2027-01-29; 03-29; 04-29'],
  // A day counted from the end of the month that the month lacks is not moved.
  [`FREQ=MONTHLY;BYMONTHDAY=-31;${BACKWARD}`, '2027-01-01; 03-01; 05-01'],
  // SKIP is about days that a rule names. Days that it leaves out do not come back.
  [`FREQ=DAILY;BYMONTHDAY=31;${BACKWARD}`, '2027-01-31; 03-31'],
  [`FREQ=WEEKLY;${BACKWARD}`, '2027-01-31; 02-07'],
  // rrule-temporal 2.2.8 goes to October.
  [`FREQ=YEARLY;BYMONTHDAY=15,31;BYMONTH=3,6,10;${BACKWARD}`, '2027-03-15 31; 06-15 30; 10-15 31'],
]

const OTHERS: readonly Case[] = [
  ['FREQ=MONTHLY;BYMONTHDAY=-1', '2027-12-31; 2028-01-31; 02-29; 03-31; 04-30'],
  [
    'FREQ=MONTHLY;BYMONTHDAY=31',
    '2027-01-31; 03-31; 05-31; 07-31; 08-31; 10-31; 12-31; 2028-01-31',
  ],
  ['FREQ=MONTHLY;BYDAY=5MO', '2027-03-29; 05-31; 08-30; 11-29'],
  ['FREQ=MONTHLY;BYDAY=-1FR', '2027-01-29; 02-26; 03-26; 04-30'],
  [`FREQ=WEEKLY;${EVERY_WEEKDAY}`, '2027-01-01 04 05 06 07 08 11'],
  [`FREQ=DAILY;${EVERY_WEEKDAY}`, '2027-01-01 04 05 06 07 08 11'],
  // Every second workday counts the days of the weekend too.
  [`FREQ=DAILY;INTERVAL=2;${EVERY_WEEKDAY}`, '2027-01-01 05 07 11 13'],
  ['FREQ=WEEKLY;BYDAY=MO;BYMONTH=2', '2027-02-01 08 15 22; 2028-02-07'],
  ['FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=-1', '2027-01-01 08 15'],
  ['FREQ=DAILY;BYDAY=FR;BYSETPOS=-1', '2027-01-01 08 15'],
  ['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29', '1896-02-29; 1904-02-29; 1908-02-29'],
  ['FREQ=DAILY;INTERVAL=999', '2027-01-01; 2029-09-26'],
  ['FREQ=WEEKLY;INTERVAL=999', '2027-01-01; 2046-02-23'],
  ['FREQ=YEARLY;INTERVAL=999', '2027-01-01; 3026-01-01; 4025-01-01'],
  ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO', '2072-02-29; 2112-02-29; 2140-02-29'],
  ['FREQ=YEARLY;BYDAY=53FR', '2027-12-31; 2032-12-31'],
  ['FREQ=YEARLY;BYMONTH=1;BYDAY=-1MO', '2027-01-25; 2028-01-31'],
  ['FREQ=YEARLY;BYMONTHDAY=1', '2027-01-01; 02-01; 03-01'],
  ['FREQ=YEARLY;BYMONTHDAY=-1;BYSETPOS=2', '2027-02-28; 2028-02-29'],
  // A day with a number beside one without: rrule-temporal 2.2.8 drops the latter.
  ['FREQ=YEARLY;INTERVAL=3;BYDAY=TH,-1TH,2MO;BYSETPOS=1,2', '2027-01-07 11; 2030-01-03 10'],
  ['FREQ=MONTHLY;BYDAY=1MO,FR;BYSETPOS=1,-1', '2027-01-01 29; 02-01 26; 03-01'],
  // The first date counts although the rule does not have it.
  ['FREQ=WEEKLY;BYDAY=MO;COUNT=3', '2027-01-01 04 11', 'ends'],
  ['FREQ=DAILY;COUNT=1', '2027-01-01', 'ends'],
  ['FREQ=DAILY;UNTIL=20270101', '2027-01-01', 'ends'],
  ['FREQ=DAILY;UNTIL=20200101', '2027-01-01', 'ends'],
  ['FREQ=DAILY', '9999-12-30 31', 'ends'],
  ['FREQ=WEEKLY', '9999-12-30', 'ends'],
  // The week of the last day has days of the year 10000.
  ['FREQ=WEEKLY;BYDAY=FR,SA', '9999-12-24 25 31', 'ends'],
  ['FREQ=DAILY', '0001-01-01 02 03'],
  ['FREQ=YEARLY', '0099-12-31; 0100-12-31'],
  // The clocks of Berlin change on 2027-03-28 and 2027-10-31, those of New York on 03-14 and 11-07.
  ['FREQ=DAILY', '2027-03-26 27 28 29'],
  ['FREQ=DAILY', '2027-10-30 31; 11-01'],
  ['FREQ=WEEKLY', '2027-03-07 14 21 28; 04-04'],
  ['FREQ=WEEKLY', '2027-10-31; 11-07 14'],
]

for (const [source, cases] of Object.entries({ RFC_5545, RFC_7529, OTHERS })) {
  describe(`the dates of a series: ${source.toLowerCase().replace('_', ' ')}`, () => {
    for (const [rule, dates, ends] of cases) {
      it(`${rule} from ${dates.slice(0, 10)}${ends ? ', which ends' : ''}`, () => {
        const expected = datesIn(dates)
        const most = expected.length + (ends ? 1 : 0)
        assert.deepEqual(seriesOf(rule, expected[0] ?? '', most), expected)
      })
    }
  })
}

describe('the next occurrence', () => {
  type Given = Partial<Omit<Occurrence, 'rule'>> & Pick<Occurrence, 'dueDate'>
  const next = (text: string, given: Given) => {
    const today = given.completedOn ?? given.dueDate
    const defaults = { from: 'due', firstDate: given.dueDate, completedOn: today, today } as const
    return nextOccurrence({ rule: ruleOf(text), ...defaults, made: 1, ...given })
  }
  const due = { from: 'due', dueDate: '2027-01-07' } as const
  const done = { from: 'completion', dueDate: '2027-01-07' } as const
  const cases: readonly (readonly [string, string, Given, string | undefined])[] = [
    [
      'a task three weeks late comes back once',
      'FREQ=WEEKLY',
      { ...due, today: '2027-01-30' },
      '2027-02-04',
    ],
    [
      'a date of the rule that is today has passed',
      'FREQ=WEEKLY',
      { ...due, today: '2027-01-28' },
      '2027-02-04',
    ],
    [
      'done early, it skips its own due date',
      'FREQ=WEEKLY',
      { ...due, today: '2027-01-02' },
      '2027-01-14',
    ],
    [
      'a late task keeps its interval',
      'FREQ=WEEKLY;INTERVAL=2',
      { ...due, today: '2027-01-15' },
      '2027-01-21',
    ],
    [
      'a moved task returns to the rule',
      'FREQ=WEEKLY',
      { ...due, dueDate: '2027-01-09', firstDate: '2027-01-07' },
      '2027-01-14',
    ],
    [
      'moved before the first date, it does not come twice',
      'FREQ=WEEKLY',
      { ...due, dueDate: '2027-01-05', firstDate: '2027-01-07' },
      '2027-01-14',
    ],
    [
      'the day of the month is that of the first date',
      `FREQ=MONTHLY;${BACKWARD}`,
      { ...due, dueDate: '2027-02-28', firstDate: '2027-01-31' },
      '2027-03-31',
    ],
    [
      'missed occurrences do not count',
      'FREQ=DAILY;COUNT=3',
      { ...due, today: '2027-03-01', made: 2 },
      '2027-03-02',
    ],
    ['the last of COUNT has no next', 'FREQ=DAILY;COUNT=3', { ...due, made: 3 }, undefined],
    [
      'the last before UNTIL has no next',
      'FREQ=WEEKLY;UNTIL=20270120',
      { ...due, today: '2027-01-14' },
      undefined,
    ],
    [
      'UNTIL is a date of the series itself',
      'FREQ=WEEKLY;UNTIL=20270121',
      { ...due, today: '2027-01-14' },
      '2027-01-21',
    ],
    [
      'a late daily task of the year 1 comes tomorrow',
      'FREQ=DAILY',
      { ...due, dueDate: '0001-01-01', today: '2027-01-30' },
      '2027-01-31',
    ],
    [
      'from completion, a late task counts from that day',
      'FREQ=DAILY;INTERVAL=3',
      { ...done, completedOn: '2027-01-10' },
      '2027-01-13',
    ],
    [
      'from completion, an early task as well',
      'FREQ=DAILY;INTERVAL=3',
      { ...done, completedOn: '2027-01-04' },
      '2027-01-07',
    ],
    [
      'from completion, weeks count from that week',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO',
      { ...done, completedOn: '2027-01-06' },
      '2027-01-18',
    ],
    [
      'from completion, the weekday is that of the day',
      'FREQ=WEEKLY',
      { ...done, completedOn: '2027-01-09' },
      '2027-01-16',
    ],
    [
      'from completion, a month from the 31st is the last day',
      `FREQ=MONTHLY;${BACKWARD}`,
      { ...done, completedOn: '2027-01-31' },
      '2027-02-28',
    ],
    [
      'from completion, February 28 stays the 28th',
      `FREQ=MONTHLY;${BACKWARD}`,
      { ...done, completedOn: '2027-02-28' },
      '2027-03-28',
    ],
    [
      'from completion, a month from the 31st skips short months',
      'FREQ=MONTHLY',
      { ...done, completedOn: '2027-01-31' },
      '2027-03-31',
    ],
    [
      'from completion, COUNT ends the series',
      'FREQ=DAILY;COUNT=2',
      { ...done, made: 2 },
      undefined,
    ],
    [
      'from completion, UNTIL ends the series',
      'FREQ=DAILY;UNTIL=20270110',
      { ...done, completedOn: '2027-01-10' },
      undefined,
    ],
    [
      'from completion, before the first date',
      'FREQ=DAILY',
      { ...done, completedOn: '2027-01-01' },
      '2027-01-02',
    ],
    [
      'there is no day after the year 9999',
      'FREQ=DAILY',
      { ...due, today: '9999-12-31' },
      undefined,
    ],
    ['a rule that never comes has no next', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', due, undefined],
  ]
  for (const [name, rule, given, expected] of cases) {
    it(name, () => assert.equal(next(rule, given), expected))
  }
})

describe('a search', () => {
  it('finds no date before the first one', () => {
    const { date } = dateOnOrAfter(ruleOf('FREQ=WEEKLY;BYDAY=MO,TH'), '2027-01-06', '2026-01-01')
    assert.equal(date, '2027-01-07')
  })
})
