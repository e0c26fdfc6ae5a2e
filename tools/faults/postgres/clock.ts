import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { exchange } from '../load/exchange.ts'
import { signToken } from '../load/session.ts'
import type { WithClocks } from '../scenes/clocks.ts'

const MINUTE_S = 60
const FOR_MS = 2_500

export const clockOfDatabase: Fault<WithClocks> = {
  name: 'clock-of-database',
  what: 'the clock of PostgreSQL is a minute ahead, then a minute behind, then correct; the server rejects no request',
  run: async ({ setClock }, { record }) => {
    record.troubled = false
    for (const seconds of [MINUTE_S, -MINUTE_S, 0]) {
      setClock('database', seconds)
      await sleep(FOR_MS)
    }
    record.troubled = true
    return undefined
  },
}

/** Checks, in addition to the load, that tokens expire by the clock and rate limits do not depend on it. */
export const clockOfServer: Fault<WithClocks> = {
  name: 'clock-of-server',
  what: 'the clock of the server is a minute ahead, then a minute behind, then correct; the server rejects a token that is valid for 30 s while the clock is ahead, and the rate limits stay in force',
  run: async ({ server, setClock }, { record }) => {
    record.troubled = false
    const user = `clock-${Date.now().toString(36)}`
    const token = await signToken(user, MINUTE_S / 2)
    const asked = { port: server.port, method: 'GET', path: `/api/${user}/tasks`, token }
    const ask = async (expected: number) => {
      const answer = await exchange(asked, false)
      const status = typeof answer === 'string' ? answer : answer.status
      if (status !== expected) throw new Error(`the token of half a minute: ${status}`)
      return typeof answer === 'string'
        ? 0
        : Number(/r=(\d+)/.exec(`${answer.headers.ratelimit}`)?.[1])
    }
    const left = [await ask(200)]
    for (const seconds of [MINUTE_S, -MINUTE_S, 0]) {
      setClock('server', seconds)
      const remaining = await ask(seconds > 0 ? 401 : 200)
      if (seconds <= 0) left.push(remaining)
      await sleep(FOR_MS)
    }
    record.troubled = true
    if (left.some((now, at) => at > 0 && now !== (left[at - 1] ?? 0) - 1)) {
      throw new Error(`the limit went from ${left.join(' to ')}`)
    }
    return undefined
  },
}
