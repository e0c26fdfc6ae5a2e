import { describe, it } from 'node:test'
import { assertHistories } from './support/histories.ts'

describe('random histories', { timeout: 120_000 }, () => {
  for (const devices of [2, 3]) {
    it(`${devices} devices and the server agree, and no edit is lost`, async () => {
      await assertHistories({ devices, runs: 6, seed: 20_261_128 + devices })
    })
  }
})
