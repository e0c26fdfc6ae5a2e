import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inWords, SETUPS, search } from '../support/model/property.ts'

const HISTORIES = 30
const REQUESTS = 2_000
const STATUSES = '200, 200 again, 201, 201 again, 204, 304, 401, 403, 404, 412, 422'.split(', ')

describe('random histories of several users', () => {
  let requests = 0
  const answered = new Set<string>()

  // In CI the seed is fixed, so that a change fails by its own fault. Elsewhere each run tries new
  // histories, and `npm run test:model` more of them. A failure prints the command that repeats it.
  const seed = process.env.CI ? 20_261_127 : undefined
  for (const setup of SETUPS) {
    const name = `${setup.kind} with a pool of ${setup.poolMax}`
    it(`every answer is the model's, and so are the rows in the end, on ${name}`, async (t) => {
      const found = await search(setup, { runs: HISTORIES, seed })
      t.diagnostic(inWords(setup, found))
      if (found.failure !== undefined) assert.fail(found.failure)
      requests += found.requests
      for (const status of found.statuses.keys()) answered.add(status)
    })
  }

  it(`try ${REQUESTS} requests at least, and meet every status they can be answered with`, () => {
    assert.ok(requests >= REQUESTS, `${requests} requests`)
    for (const status of STATUSES) assert.ok(answered.has(status), `no answer was ${status}`)
  })
})
