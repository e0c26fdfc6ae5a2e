import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addMonths, clockIn, daysBetween } from '../src/dates/day.ts'
import { nameDate, nameDay, nameDayInFull, nameTime } from '../src/dates/name-day.ts'
import { nameRecurrence } from '../src/dates/name-recurrence.ts'
import { englishDates } from '../src/dates/words.ts'

const TODAY = '2026-11-28'
const british = { language: 'en-GB' }

describe('names of days and times', () => {
  for (const [day, name] of [
    ['2026-11-28', 'Today'],
    ['2026-11-29', 'Tomorrow'],
    ['2026-11-27', 'Yesterday'],
    ['2026-11-30', 'Monday'],
    ['2026-12-04', 'Friday'],
    ['2026-12-05', 'Sat 5 Dec'],
    ['2026-01-02', 'Fri 2 Jan'],
    ['2027-01-02', '2 Jan 2027'],
    ['2025-11-29', '29 Nov 2025'],
  ] as const) {
    it(`${day} is ${name}`, () => {
      assert.equal(nameDay(day, TODAY, british).replaceAll(',', ''), name)
    })
  }

  for (const [language, morning, evening] of [
    ['en-GB', '09:05', '18:30'],
    ['en-US', '9:05 AM', '6:30 PM'],
    ['en-US-u-hc-h23', '09:05', '18:30'],
    ['de', '09:05', '18:30'],
  ] as const) {
    it(`${language} writes ${evening}`, () => {
      const names = ['09:05', '18:30'].map((time) => nameTime(time, { language }))
      assert.deepEqual(
        names.map((name) => name.replace(/\s/, ' ')),
        [morning, evening],
      )
    })
  }

  it('the order of a date is that of the language', () => {
    const american = { language: 'en-US' }
    assert.equal(nameDay('2026-12-08', TODAY, american), 'Tue, Dec 8')
    assert.equal(nameDate('2026-11-30', american), 'November 30')
    assert.equal(nameDate('2026-11-30', british), '30 November')
    assert.equal(nameDayInFull('2026-11-30', american), 'Monday, November 30')
  })

  it('days are counted on the calendar, also where the clocks change', () => {
    assert.equal(daysBetween('2027-03-27', '2027-03-29'), 2)
    assert.equal(addMonths('2026-12-31', 2), '2027-02-28')
    const clock = clockIn('Europe/Berlin', new Date('2027-03-28T01:00:00Z'))
    assert.deepEqual(clock, { day: '2027-03-28', time: '03:00' })
  })
})

describe('names of recurrences', () => {
  const skip = (rule: string) => `RSCALE=GREGORIAN;SKIP=BACKWARD;${rule}`
  for (const [rule, name] of [
    ['FREQ=DAILY', 'Every day'],
    ['FREQ=DAILY;INTERVAL=3', 'Every 3 days'],
    ['FREQ=WEEKLY', 'Every week'],
    ['FREQ=WEEKLY;BYDAY=MO', 'Every Monday'],
    ['FREQ=WEEKLY;BYDAY=MO,WE,FR', 'Every Monday, Wednesday and Friday'],
    ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', 'Every weekday'],
    ['FREQ=WEEKLY;BYDAY=SU,SA', 'Every weekend'],
    ['FREQ=WEEKLY;INTERVAL=2', 'Every 2 weeks'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU', 'Every 2 weeks on Tuesday'],
    ['FREQ=MONTHLY', 'Every month'],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', 'Last day of the month'],
    ['FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=-1', 'Every 2 months on the last day'],
    [skip('FREQ=MONTHLY;BYMONTHDAY=22'), 'Every month on the 22nd'],
    [skip('FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1,15'), 'Every 3 months on the 1st and 15th'],
    ['FREQ=MONTHLY;BYDAY=1MO', 'Every month on the first Monday'],
    ['FREQ=MONTHLY;BYDAY=-1FR', 'Every month on the last Friday'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', 'Every month on the last weekday'],
    ['FREQ=YEARLY', 'Every year'],
    ['FREQ=YEARLY;INTERVAL=2', 'Every 2 years'],
    ['FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=5', 'Every year on 5 January'],
    ['FREQ=DAILY;COUNT=10', 'Every day, 10 times'],
    ['FREQ=DAILY;UNTIL=20261224', 'Every day, until 24 Dec 2026'],
    // No simple name.
    ['FREQ=DAILY;BYMONTH=1', 'FREQ=DAILY;BYMONTH=1'],
    ['FREQ=MONTHLY;BYMONTHDAY=-2', 'FREQ=MONTHLY;BYMONTHDAY=-2'],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', 'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13'],
    ['FREQ=YEARLY;BYDAY=20MO', 'FREQ=YEARLY;BYDAY=20MO'],
    ['FREQ=HOURLY', 'FREQ=HOURLY'],
  ] as const) {
    it(`${rule} is ${name}`, () => {
      assert.equal(nameRecurrence({ rule, from: 'due' }, british), name)
    })
  }

  it('says that it counts from completion', () => {
    const name = nameRecurrence({ rule: 'FREQ=DAILY', from: 'completion' }, british)
    assert.equal(name, 'Every day, after completion')
  })

  it('names the days in another language, with the words of its catalogue', () => {
    const words = { everyWeek: (_: number, days: string | null) => `Jeden ${days}` }
    const german = { language: 'de', words: { ...englishDates, ...words } }
    assert.equal(
      nameRecurrence({ rule: 'FREQ=WEEKLY;BYDAY=MO,DO', from: 'due' }, german),
      'FREQ=WEEKLY;BYDAY=MO,DO',
    )
    assert.equal(
      nameRecurrence({ rule: 'FREQ=WEEKLY;BYDAY=MO,TH', from: 'due' }, german),
      'Jeden Montag und Donnerstag',
    )
  })
})
