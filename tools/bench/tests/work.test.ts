import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pagesFor, requestsFor, WORKS } from '../data/work.ts'

const owner = (userId: string, from: number) => ({
  userId,
  taskIds: Array.from({ length: 60 }, (_, n) => {
    return `00000000-0000-7000-8000-${String(from + n).padStart(12, '0')}`
  }),
})
const readers = [owner('alice', 0), owner('bob', 100)]
const writers = [owner('carol', 200)]
const population = { readers, writers }
const SECRET = 'x'.repeat(32)

const userOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub

describe('the requests of a benchmark', () => {
  for (const { work } of WORKS) {
    it(`of ${work} are of the owner of the path, and writers alone make tasks`, async () => {
      const requests = await requestsFor(work, population, SECRET)
      assert.ok(requests.length > 0)
      for (const { path, token, method } of requests) {
        const userId = path.split('/')[2]
        assert.equal(userOf(token), userId)
        assert.equal(method === 'POST', userId === 'carol')
      }
    })
  }

  it('of the mix are seven reads in ten', async () => {
    const requests = await requestsFor('mix', population, SECRET)
    const reads = requests.filter(({ method }) => method === 'GET').length / requests.length
    assert.ok(reads > 0.68 && reads < 0.72, String(reads))
  })

  it('of pages begin at the newest task or behind one, with a whole page left', async () => {
    const requests = await pagesFor({ readers: readers.slice(0, 1), writers: [] }, SECRET)
    assert.equal(requests.length, 1 + 10)
    assert.ok(requests.some(({ path }) => path.endsWith('?limit=50')))
  })
})
