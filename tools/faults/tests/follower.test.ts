import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { Follower } from '../load/follower.ts'
import { Record } from '../load/record.ts'
import { Session } from '../load/session.ts'

const KEPT = { id: 'a', title: '«ann» kept' }
const OTHER = { id: 'b', title: '«ann» other' }

/** A follower of a server whose stream tells of one task, and whose list has these. */
async function follow(list: readonly object[]) {
  const server = createServer(({ headers: { accept = '' }, url = '' }, response) => {
    if (accept.includes('event-stream')) {
      response.write(`id: 1\nevent: change\ndata: ${JSON.stringify({ task: KEPT })}\n\n`)
    } else if (url.includes('/changes')) {
      response.end(JSON.stringify({ changes: [], token: url.slice(-1), more: false }))
    } else response.end(JSON.stringify(list))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const session = new Session(() => port)
  const record = new Record()
  const follower = new Follower({ record, session, port: () => port, user: 'ann' })
  while (record.counts.events === 0) await new Promise(setImmediate)
  await follower.stop()
  const difference = await follower.difference(1)
  session.close()
  server.close()
  return { difference, record }
}

describe('a client that follows the changes', () => {
  it('finds nothing where the list is what the stream told', async () => {
    const { difference, record } = await follow([KEPT])
    assert.equal(difference, undefined)
    assert.deepEqual([record.violations, record.foreign, record.counts.events], [[], 0, 1])
  })

  it('notices a change that the stream skipped, and a deletion', async () => {
    assert.match(
      (await follow([KEPT, OTHER])).difference ?? '',
      /has undefined in place of .*other/,
    )
    assert.match((await follow([])).difference ?? '', /still has .*kept/)
    const changed = { ...KEPT, title: '«ann» changed' }
    assert.match((await follow([changed])).difference ?? '', /has .*kept.* in place of .*changed/)
  })
})
