import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTick } from 'node:timers/promises'
import { promisify } from 'node:util'
import { LIMITS } from '../../src/core/limits.ts'
import type { Database } from '../../src/database/session.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { openLine, statuses } from '../support/speak.ts'

const AT_ONCE = 200

/** Notes which user each statement is of, and in which event-loop tick it begins. */
class Ticks {
  begun: { readonly userId: string; readonly tick: number }[] = []
  #tick = 0
  #counting: NodeJS.Immediate | undefined

  readonly wrap = (database: Database): Database => ({
    ...{ description: database.description, failed: database.failed },
    ping: () => database.ping(),
    close: () => database.close(),
    asUser: (userId, statement) => {
      this.begun.push({ userId, tick: this.#tick })
      return database.asUser(userId, statement)
    },
  })

  /** @returns the number of ticks in which statements of the user began, and the most in one of them. */
  of(userId: string): { ticks: number; most: number } {
    const counts = new Map<number, number>()
    for (const one of this.begun) {
      if (one.userId === userId) counts.set(one.tick, (counts.get(one.tick) ?? 0) + 1)
    }
    return { ticks: counts.size, most: Math.max(...counts.values()) }
  }

  /** Immediates run once a tick, and this one before those that are scheduled in the tick. */
  count(): void {
    this.#tick += 1
    this.#counting = setImmediate(() => this.count())
  }

  stop(): void {
    clearImmediate(this.#counting)
  }
}

describe('requests that arrive in one event-loop tick', () => {
  const ticks = new Ticks()
  const tokens = new Map<string, string>()
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', {}, ticks.wrap)
  })
  after(() => test.close())
  const connections = () => promisify(test.app.server.getConnections.bind(test.app.server))()

  /** Signs a token, and has the server cache it: later requests with it do not wait for its verification. */
  async function tokenOf(user: string): Promise<string> {
    const token = tokens.get(user) ?? (await test.token(user))
    const headers = { authorization: `Bearer ${token}` }
    if (!tokens.has(user)) await test.send('GET', `/api/${user}/tasks`, { as: null, headers })
    tokens.set(user, token)
    return token
  }

  /** Sends one request on each of that many connections, in one tick. @returns the statuses of the responses. */
  async function sendAtOnce(users: readonly string[]): Promise<number[]> {
    const lines = await Promise.all(users.map(() => openLine(test.port)))
    for (const user of users) await tokenOf(user)
    while ((await connections()) < users.length) await nextTick()
    ticks.begun = []
    ticks.count()
    for (const [n, user] of users.entries()) {
      lines[n]?.socket.write(
        `GET /api/${user}/tasks HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${tokens.get(user)}\r\n\r\n`,
      )
    }
    const responses = await Promise.all(lines.map(({ ended }) => ended))
    ticks.stop()
    return responses.flatMap(statuses)
  }

  it(`begin ${LIMITS.requestsOfUserPerTick} at a time if they are of one user, and all are answered`, async () => {
    const answered = await sendAtOnce(Array.from({ length: AT_ONCE }, () => 'alice'))
    assert.deepEqual(answered, Array(AT_ONCE).fill(200))
    const { ticks: taken, most } = ticks.of('alice')
    assert.equal(most, LIMITS.requestsOfUserPerTick)
    assert.ok(taken >= AT_ONCE / most, `${taken} ticks`)
  })

  it('begin with the first of another user, although theirs came last', async () => {
    const users = [...Array.from({ length: AT_ONCE }, () => 'alice'), 'bob']
    const answered = await sendAtOnce(users)
    assert.deepEqual(answered, Array(users.length).fill(200))
    const at = ticks.begun.findIndex(({ userId }) => userId === 'bob')
    assert.ok(at <= LIMITS.requestsOfUserPerTick * 2, `${at} requests of alice began first`)
  })

  it('begin together if each is of another user', async () => {
    const users = Array.from({ length: LIMITS.requestsOfUserPerTick * 2 }, (_, n) => `user-${n}`)
    assert.deepEqual(await sendAtOnce(users), Array(users.length).fill(200))
    const first = ticks.begun[0]?.tick
    const together = ticks.begun.filter(({ tick }) => tick === first).length
    assert.ok(together > LIMITS.requestsOfUserPerTick, `${together} in the first tick`)
  })
})
