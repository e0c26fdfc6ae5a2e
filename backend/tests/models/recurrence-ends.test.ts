import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isCalendarDay } from '../../src/core/calendar.ts'
import { dateInZone } from '../../src/core/recurrence/calendar-date.ts'
import { comes } from '../../src/core/recurrence/next-occurrence.ts'
import { parseRule, type Rule } from '../../src/core/recurrence/rule.ts'

const BACKWARD = 'RSCALE=GREGORIAN;SKIP=BACKWARD'

function ruleOf(text: string): Rule {
  const parsed = parseRule(text)
  assert.equal(parsed.outcome, 'rule', `${text}: ${JSON.stringify(parsed)}`)
  return parsed.outcome === 'rule' ? parsed.rule : assert.fail()
}

describe('whether a rule comes at all', () => {
  const cases: readonly (readonly [rule: string, firstDate: string, comes: boolean])[] = [
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', '2027-01-01', false],
    ['FREQ=DAILY;BYMONTH=4,6;BYMONTHDAY=31', '2027-01-01', false],
    ['FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31', '2027-01-01', false],
    [`FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;${BACKWARD}`, '2027-01-01', true],
    ['FREQ=MONTHLY;BYDAY=6MO', '2027-01-01', false],
    ['FREQ=YEARLY;BYDAY=53MO', '2027-01-01', true],
    ['FREQ=MONTHLY;BYMONTHDAY=8;BYDAY=1MO', '2027-01-01', false],
    ['FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2', '2027-01-01', false],
    ['FREQ=YEARLY;BYDAY=MO;BYSETPOS=366', '2027-01-01', false],
    ['FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366', '2027-01-01', true],
    ['FREQ=DAILY;BYDAY=MO;BYSETPOS=2', '2027-01-01', false],
    ['FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29', '2027-01-01', false],
    ['FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29', '2026-01-01', true],
    ['FREQ=MONTHLY;INTERVAL=12;BYMONTH=3', '2027-04-01', false],
    ['FREQ=MONTHLY;INTERVAL=12;BYMONTH=3', '2027-03-01', true],
    ['FREQ=DAILY;COUNT=1', '2027-01-01', true],
    ['FREQ=DAILY;UNTIL=20200101', '2027-01-01', true],
    ['FREQ=DAILY', '9999-12-31', true],
    ['FREQ=WEEKLY;BYDAY=SA', '9999-12-31', false],
  ]
  for (const [rule, firstDate, expected] of cases) {
    it(`${rule} from ${firstDate}: ${expected ? 'yes' : 'no'}`, () => {
      assert.equal(comes(ruleOf(rule), firstDate), expected)
    })
  }
})

describe('the date in a zone', () => {
  const cases: readonly (readonly [instant: string, zone: string, date: string])[] = [
    ['2027-01-01T00:00:00Z', 'UTC', '2027-01-01'],
    ['2027-01-01T23:59:59.999Z', 'UTC', '2027-01-01'],
    ['2027-01-01T11:00:00Z', 'Pacific/Kiritimati', '2027-01-02'],
    ['2027-01-01T09:59:59Z', 'Pacific/Niue', '2026-12-31'],
    ['2027-01-01T18:29:59Z', 'Asia/Kolkata', '2027-01-01'],
    ['2027-01-01T18:30:00Z', 'Asia/Kolkata', '2027-01-02'],
    // Berlin: one hour east of UTC in winter, two in summer, on both days of the change.
    ['2027-03-27T22:59:59Z', 'Europe/Berlin', '2027-03-27'],
    ['2027-03-27T23:00:00Z', 'Europe/Berlin', '2027-03-28'],
    ['2027-03-28T21:59:59Z', 'Europe/Berlin', '2027-03-28'],
    ['2027-03-28T22:00:00Z', 'Europe/Berlin', '2027-03-29'],
    ['2027-10-30T22:00:00Z', 'Europe/Berlin', '2027-10-31'],
    ['2027-10-31T22:59:59Z', 'Europe/Berlin', '2027-10-31'],
    ['2027-10-31T23:00:00Z', 'Europe/Berlin', '2027-11-01'],
    ['2027-03-14T04:59:59Z', 'America/New_York', '2027-03-13'],
    ['2027-11-08T04:59:59Z', 'America/New_York', '2027-11-07'],
    // São Paulo had no midnight on 2018-11-04, Havana has had two. Apia had no 2011-12-30.
    ['2018-11-04T02:59:59Z', 'America/Sao_Paulo', '2018-11-03'],
    ['2018-11-04T03:00:00Z', 'America/Sao_Paulo', '2018-11-04'],
    ['2018-11-04T05:30:00Z', 'America/Havana', '2018-11-04'],
    ['2011-12-30T09:59:59Z', 'Pacific/Apia', '2011-12-29'],
    ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31'],
  ]
  for (const [instant, zone, date] of cases) {
    it(`${instant} in ${zone} is ${date}`, () => {
      assert.equal(dateInZone(new Date(instant), zone), date)
    })
  }

  it('throws for a zone that does not exist', () => {
    assert.throws(() => dateInZone(new Date(0), 'Mars/Olympus'), RangeError)
  })
})

describe('a calendar date', () => {
  for (const date of ['0001-01-01', '0099-12-31', '2024-02-29', '2000-02-29', '9999-12-31']) {
    it(`${date} is one`, () => assert.ok(isCalendarDay(date)))
  }
  for (const text of [
    '0000-12-31',
    '2027-02-29',
    '1900-02-29',
    '2027-04-31',
    '2027-13-01',
    '2027-00-01',
    '2027-1-1',
    '12027-01-01',
    '2027-01-01T',
    '',
  ]) {
    it(`${JSON.stringify(text)} is not`, () => assert.ok(!isCalendarDay(text)))
  }
})
