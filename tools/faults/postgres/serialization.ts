import type { Fault } from '../fault.ts'
import { exchange, type Outcome } from '../load/exchange.ts'
import { signToken } from '../load/session.ts'
import type { OnPostgres } from '../scenes/on-postgres.ts'

const FLIPS = 200
const AT_ONCE = 20

/** Ends the server's sessions, so that new ones have the setting. */
const SET = (level: string) => `
  alter database postgres set default_transaction_isolation = '${level}';
  select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'todo-backend%'`

export const serialization: Fault<OnPostgres> = {
  name: 'serialization',
  what: 'every transaction is serializable, and twenty clients flip one task at the same time',
  run: async ({ server, asAdmin }) => {
    const user = `serialization-${Date.now().toString(36)}`
    const path = `/api/${user}/tasks`
    const asked = { port: server.port, token: await signToken(user) }
    const body = { title: 'flipped by many' }
    const created = await exchange({ ...asked, method: 'POST', path, body }, false)
    if (typeof created === 'string' || created.status !== 201) throw new Error('not created')
    const { id } = JSON.parse(created.text)
    await asAdmin((admin) => admin.query(SET('serializable')))
    const outcomes: Outcome[] = []
    const flip = { ...asked, method: 'PATCH', path: `${path}/${id}/complete` }
    while (outcomes.length < FLIPS) {
      const round = Array.from({ length: AT_ONCE }, () => exchange(flip, false))
      outcomes.push(...(await Promise.all(round)))
    }
    await asAdmin((admin) => admin.query(SET('read committed')))
    const count = (status: number) =>
      outcomes.filter((one) => typeof one === 'object' && one.status === status).length
    if (count(200) + count(503) < outcomes.length)
      throw new Error('another answer than 200 and 503')
    if (count(503) === 0) throw new Error('nothing was refused')
    return `${count(200)} flips, ${count(503)} refused`
  },
}
