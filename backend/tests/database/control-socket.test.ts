import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import type { Connector } from '../../src/database/connector.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { embeddedFolder, rawStatement, taskId } from '../support/databases.ts'

const int32 = (n: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(n)
  return bytes
}
const packet = (...parts: Buffer[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length + 4), body])
}
const message = (type: string, body: string | Buffer) =>
  Buffer.concat([Buffer.from(type), packet(Buffer.from(body))])
const query = (text: string) => message('Q', `${text}\0`)
const parse = (name: string, text: string) => message('P', `${name}\0${text}\0\0\0`)
const PROTOCOL = int32(196_608)
const STARTUP = packet(PROTOCOL, Buffer.from('user\0postgres\0database\0postgres\0\0'))
const READY = Buffer.from([0x5a, 0, 0, 0, 5])

/** What a client sends at first, and after its session has started; then it disconnects. */
const BYTES: [what: string, first: Buffer, then?: Buffer][] = [
  ['a request for a cancellation', packet(int32(80_877_102), int32(1), int32(2))],
  ['a request for TLS', packet(int32(80_877_103))],
  ['another version of the protocol', packet(int32(9 << 16), Buffer.from('\0'))],
  ['a startup packet without a user', packet(PROTOCOL)],
  ['an empty startup packet', int32(4)],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['an unknown message', STARTUP, message('z', 'hello')],
  ['a password', STARTUP, message('p', 'secret\0')],
  ['a Parse that is not one, without a Sync', STARTUP, message('P', 'x')],
  ['an error without a Sync', STARTUP, parse('', 'select nonsense')],
  ['half a message', STARTUP, query('select 1').subarray(0, 7)],
  ['COPY FROM STDIN', STARTUP, query('copy todo.users (id) from stdin')],
  ['a transaction that stays open', STARTUP, query('begin; select 1')],
  ['settings', STARTUP, query('set role todo_user; set default_transaction_read_only = on')],
  [
    'settings that the server has, too',
    STARTUP,
    query(
      'set search_path = public; set plan_cache_mode = auto; set statement_timeout = 1; set lock_timeout = 1',
    ),
  ],
  ['Terminate', STARTUP, message('X', '')],
]

describe('the control socket', () => {
  let folder: string
  let connector: Connector
  let pool: PipelinedPool
  before(async () => {
    folder = await embeddedFolder('migrated')
    connector = await connectPglite(folder)
    pool = new PipelinedPool(connector)
  })
  after(() => pool.close())

  const open = async (): Promise<Socket> => {
    const socket = connect(join(folder, '.s.PGSQL.5432'))
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  for (const [at, [what, first, then]] of BYTES.entries()) {
    it(`leaves the server as it was after ${what}`, async () => {
      const socket = await open()
      const ended = once(socket, 'close')
      let received = Buffer.alloc(0)
      socket.on('data', (bytes) => {
        const wasReady = received.includes(READY)
        received = Buffer.concat([received, bytes])
        if (then !== undefined && !wasReady && received.includes(READY)) socket.end(then)
      })
      socket.write(first)
      if (then === undefined) socket.end()
      await ended
      await pool.asUser('alice', insertTask(taskId(at), { title: what }))
      const [settings] = await pool.asUser(
        'alice',
        rawStatement(
          `select $1::text, current_setting('search_path'), current_setting('plan_cache_mode'),
             current_setting('statement_timeout'), current_setting('lock_timeout')`,
        ),
      )
      const path = 'pg_catalog, pg_temp'
      assert.deepEqual(settings, ['alice', path, 'force_generic_plan', '5s', '50ms'])
    })
  }

  it('serves a program with prepared statements, and the statements of the server stay', async () => {
    const client = new Client({ host: folder, user: 'postgres', database: 'postgres' })
    await client.connect()
    const { rows } = await client.query({ name: 'a', text: 'select 1 as one' })
    assert.deepEqual(rows, [{ one: 1 }])
    await pool.asUser('alice', insertTask(taskId(1000), { title: 'x' }))
    await client.end()
    await pool.asUser('alice', insertTask(taskId(1001), { title: 'y' }))
    const again = new Client({ host: folder, user: 'postgres', database: 'postgres' })
    await again.connect()
    await again.query({ name: 'a', text: 'select 2 as two' })
    await again.end()
  })
})
