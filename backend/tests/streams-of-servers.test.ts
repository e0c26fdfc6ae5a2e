import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../src/core/config/config.ts'
import { signToken } from '../src/core/token.ts'
import { exchange, SECRET } from './support/app.ts'
import { emptyPostgres } from './support/databases.ts'
import { type EventStream, openStream } from './support/event-stream.ts'
import { serve } from './support/process.ts'

describe('streams of several servers with one database', () => {
  it('a change is on every stream of its user in each process, and a stop ends the streams', async () => {
    const { url, drop } = await emptyPostgres()
    const environment = { DATABASE_URL: url, DATABASE_POOL_MAX: '2' }
    const one = await serve(environment)
    const two = await serve({ ...environment, WEB_CONCURRENCY: '2' })
    await two.until(/(?:process \d+ serves[\s\S]*){2}/)
    const config = loadConfig({ ...environment, BETTER_AUTH_SECRET: SECRET })
    const headersOf = async (user: string) => ({
      authorization: `Bearer ${await signToken(config, user)}`,
    })
    const headers = await headersOf('ann')
    const open = (port: number, user: string, own = headers) =>
      openStream(port, `/api/${user}/tasks/changes`, own)
    // Node gives new connections to the workers round-robin.
    const ports = [one.port, two.port, two.port, two.port, two.port]
    const streams: EventStream[] = []
    for (const port of ports) streams.push(await open(port, 'ann'))
    const other = await open(two.port, 'bea', await headersOf('bea'))
    for (const stream of [...streams, other]) await stream.untilCaughtUp()
    for (const [n, port] of [one.port, two.port, two.port, one.port].entries()) {
      const body = { title: `task ${n}` }
      const { status } = await exchange(port, 'POST', '/api/ann/tasks', { headers, body })
      assert.equal(status, 201)
      for (const stream of streams) {
        let event = await stream.next()
        while (event.event !== 'change') event = await stream.next()
        assert.equal(event.data.task.title, body.title)
      }
    }
    for (const server of [one, two]) assert.equal((await server.kill('SIGTERM')).code, 0)
    await Promise.all([...streams, other].map(({ ended }) => ended))
    assert.doesNotMatch(other.text(), /event: change\n/)
    for (const { retries } of streams) assert.equal(retries.length, 2)
    await drop()
  })
})
