import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { searchOperations } from '../support/model/operations/search.ts'
import { inWords, SETUPS, search } from '../support/model/property.ts'

/** So that no single test takes long. */
const PARTS = ['first', 'second']

const MODELS = [
  {
    name: 'random histories of several users',
    searchIn: search,
    ...{ histories: 15, least: 2_000 },
    statuses: '200, 200 again, 201, 201 again, 204, 304, 401, 403, 404, 412, 422',
  },
  {
    name: 'random histories of all operations, with the feed and the trash',
    searchIn: searchOperations,
    ...{ histories: 10, least: 2_000 },
    statuses:
      '200, 200 with the next occurrence, 200 again, 201, 201 again, 204, 404, 409, 412, 422',
  },
]

for (const { name: model, searchIn, histories, least, statuses } of MODELS) {
  describe(model, () => {
    let requests = 0
    const answered = new Set<string>()

    // In CI the seed is fixed, so that a change fails by its own fault. Elsewhere each run tries new
    // histories, and `npm run test:model` more of them. A failure prints the command that repeats it.
    const first = process.env.CI ? 20_261_127 : undefined
    const parts = SETUPS.flatMap((setup) => PARTS.map((part) => ({ setup, part })))
    for (const [nth, { setup, part }] of parts.entries()) {
      const seed = first === undefined ? undefined : first + nth
      const name = `${setup.kind} with a pool of ${setup.poolMax}, ${part} part`
      it(`every answer is the model's, and so are the rows in the end, on ${name}`, async (t) => {
        const found = await searchIn(setup, { runs: histories, seed })
        t.diagnostic(inWords(setup, found))
        if (found.failure !== undefined) assert.fail(found.failure)
        requests += found.requests
        for (const status of found.statuses.keys()) answered.add(status)
      })
    }

    it(`try ${least} requests at least, and meet every status they can be answered with`, () => {
      assert.ok(requests >= least, `${requests} requests`)
      for (const status of statuses.split(', '))
        assert.ok(answered.has(status), `none was ${status}`)
    })
  })
}
