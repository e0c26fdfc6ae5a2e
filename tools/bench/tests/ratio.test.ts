import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isTooWide, median, ratio, spread } from '../figures/ratio.ts'

describe('a figure measured several times', () => {
  it('has the middle value, or what is between the two middle ones', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 2, 3]), 2.5)
    assert.ok(Number.isNaN(median([])))
  })

  it('lies between its least and its most, without the outermost from nine on', () => {
    assert.deepEqual(spread([5, 1, 3]), { median: 3, from: 1, to: 5 })
    assert.deepEqual(spread([1, 2, 3, 4, 5, 6, 7, 8, 99]), { median: 5, from: 2, to: 8 })
  })

  it('is compared turn by turn, not median by median', () => {
    // Both halves of the machine's time were slow once, for both servers.
    assert.deepEqual(ratio([10, 100, 10], [5, 50, 5]), { median: 2, from: 2, to: 2 })
    assert.throws(() => ratio([1, 2], [1]), /different numbers of rounds/)
  })

  it('says nothing where the turns differ too much, or there are none', () => {
    assert.equal(isTooWide({ median: 1.2, from: 1, to: 1.4 }), false)
    assert.equal(isTooWide({ median: 1.2, from: 1, to: 1.6 }), true)
    assert.equal(isTooWide(spread([])), true)
  })
})
