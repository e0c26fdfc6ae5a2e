import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Target, targets, verdict } from '../report/targets.ts'

const spread = (from: number, median: number, to: number) => ({ from, median, to })
const target = (value: Target['value'], bound: { atMost: number } | { atLeast: number }) => ({
  what: 'x',
  unit: '',
  value,
  ...bound,
})

describe('a target', () => {
  for (const [what, value, bound, expected] of [
    ['below at most', spread(1, 1.1, 1.2), { atMost: 1.3 }, 'reached'],
    ['above at most', spread(1.4, 1.5, 1.6), { atMost: 1.3 }, 'missed'],
    ['around at most', spread(1.2, 1.25, 1.4), { atMost: 1.3 }, 'not certain'],
    ['above at least', spread(3, 4, 5), { atLeast: 2 }, 'reached'],
    ['below at least', spread(1, 1.5, 1.9), { atLeast: 2 }, 'missed'],
    ['around at least', spread(1, 2.5, 3), { atLeast: 2 }, 'not certain'],
  ] as const) {
    it(`${what} is ${expected}`, () => assert.equal(verdict(target(value, bound)), expected))
  }

  it('that was not measured is neither reached nor missed', () => {
    assert.equal(
      verdict(target(spread(Number.NaN, Number.NaN, Number.NaN), { atMost: 1 })),
      'not measured',
    )
  })

  it('is there for everything that was published', () => {
    const report = JSON.parse(
      readFileSync(new URL('../results/full.json', import.meta.url), 'utf8'),
    )
    const all = targets(report)
    assert.ok(all.length > 30)
    for (const one of all) assert.ok(Number.isFinite(one.value.median), one.what)
  })
})
