import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { Notices } from '../../src/database/notices.ts'
import { hintOf } from '../../src/models/changes/hints.ts'
import { openTestDatabase, type TestDatabase } from '../support/databases.ts'
import { endWithTest } from '../support/started.ts'

const TIMES = { collectMs: 5, retryMs: 5, longestRetryMs: 20, idleMs: 3_600_000, closeMs: 300 }

describe('hints between the servers of several machines', () => {
  let test: TestDatabase
  before(async () => {
    test = await openTestDatabase('postgres')
  })
  after(() => test.close())

  function open(times = TIMES) {
    const heard: string[] = []
    const events = new EventEmitter()
    const notices = new Notices(
      test.connector.direct,
      (hint) => {
        heard.push(hint)
        events.emit('hint')
      },
      times,
    )
    const close = endWithTest('notices', () => notices.close())
    /** Waits for the hint, and forgets those before it. */
    const until = async (hint: string) => {
      while (!heard.includes(hint)) await once(events, 'hint')
      return heard.splice(0)
    }
    return { notices, until, close }
  }
  const sessions = (condition: string) =>
    test.admin(
      `select ${condition} from pg_stat_activity
       where application_name = 'todo-backend hints' and datname = current_database()`,
    )

  it('each other server that listens hears a hint, and its own server does not', async () => {
    const [a, b] = [open(), open()]
    a.notices.listen(true)
    b.notices.listen(true)
    // Until a server listens, it may have missed any hint.
    await Promise.all([a.until('*'), b.until('*')])
    a.notices.add(hintOf('alice'))
    a.notices.add(hintOf('alice'))
    a.notices.add(hintOf('bob'))
    await b.until(hintOf('bob'))
    b.notices.add('from-b')
    assert.deepEqual(await a.until('from-b'), ['from-b'])
    for (let n = 0; n < 700; n += 1) a.notices.add(hintOf(`user ${n}`))
    await b.until('*')
    await a.close()
    await b.close()
  })

  it('a listener whose session was killed listens again, and says that it missed hints', async () => {
    const [a, b] = [open(), open()]
    b.notices.listen(true)
    await b.until('*')
    await sessions('pg_terminate_backend(pid)')
    await b.until('*')
    a.notices.add('later')
    await b.until('later')
    await a.close()
    await b.close()
  })

  it('a server without streams has no connection until it writes, nor when it has written', async () => {
    const idle = open({ ...TIMES, idleMs: 1 })
    const listener = open()
    listener.notices.listen(true)
    await listener.until('*')
    // PostgreSQL ends the sessions of the tests before this one a moment later.
    while ((await sessions('pid')).length > 1);
    assert.equal((await sessions('pid')).length, 1)
    idle.notices.add('one')
    await listener.until('one')
    while ((await sessions('pid')).length > 1);
    idle.notices.add('two')
    await listener.until('two')
    await idle.close()
    await listener.close()
  })

  it('the last hints of a server that stops arrive', async () => {
    const [a, b] = [open({ ...TIMES, collectMs: 3_600_000, closeMs: 3_600_000 }), open()]
    b.notices.listen(true)
    await b.until('*')
    a.notices.add('last')
    await a.close()
    await b.until('last')
    await b.close()
  })
})
