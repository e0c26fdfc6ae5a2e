import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freeze } from '../family.ts'
import type { Fault } from '../fault.ts'
import { exchange } from '../load/exchange.ts'
import { signToken } from '../load/session.ts'
import type { OnPostgres } from '../scenes/on-postgres.ts'

/** More requests than the server's pool accepts at once. */
const BURST = 1_500

/** Ends the server's sessions, so that it needs new ones. */
const END_SESSIONS = `select pg_terminate_backend(pid) from pg_stat_activity
  where application_name like 'todo-backend%'`

export const exhausted: Fault<OnPostgres> = {
  name: 'connections-taken',
  what: 'other clients take all connections of PostgreSQL for 3 s',
  run: async ({ postgres, asAdmin }) => {
    const others: Client[] = []
    await asAdmin(async (admin) => {
      await admin.query(END_SESSIONS)
      for (let refused = false; !refused; ) {
        const other = new Client({ connectionString: postgres.url })
        other.on('error', () => {})
        try {
          await other.connect()
          others.push(other)
        } catch {
          refused = true
        }
        await admin.query(END_SESSIONS)
      }
      await sleep(3_000)
    })
    await Promise.all(others.map((other) => other.end()))
    return `${others.length} of others`
  },
}

export const burst: Fault<OnPostgres> = {
  name: 'pool-exhausted',
  what: `${BURST} requests arrive at once while PostgreSQL is stopped for 3 s, more than the server admits`,
  run: async ({ server, postgres }) => {
    const token = await signToken('burst')
    const asked = { port: server.port, method: 'GET', path: '/api/burst/tasks', token }
    freeze(postgres.pid, true)
    const answers = Array.from({ length: BURST }, () => exchange(asked, false))
    await sleep(3_000)
    freeze(postgres.pid, false)
    const statuses = (await Promise.all(answers)).map((one) =>
      typeof one === 'string' ? one : one.status,
    )
    const count = (status: number) => statuses.filter((one) => one === status).length
    if (count(200) + count(503) < BURST) throw new Error(`answers: ${[...new Set(statuses)]}`)
    if (count(503) === 0) throw new Error('nothing was refused')
    return `${count(200)} of the burst answered, ${count(503)} refused at once`
  },
}

export const slow: Fault<OnPostgres> = {
  name: 'slow-statement',
  what: 'one change in thirty exceeds the time limit of statements, for 6 s',
  run: async ({ asAdmin }) => {
    await asAdmin(async (admin) => {
      await admin.query(`
        create function public.fault_slow() returns trigger language plpgsql as $$
        begin
          if random() < 1.0 / 30 then perform pg_sleep(8); end if;
          return new;
        end $$;
        create trigger fault_slow before insert or update on todo.tasks
          for each row execute function public.fault_slow()`)
      await sleep(6_000)
      await admin.query('drop trigger fault_slow on todo.tasks; drop function public.fault_slow()')
    })
    return undefined
  },
}

export const locked: Fault<OnPostgres> = {
  name: 'lock-held',
  what: 'another session holds a lock on all tasks for 5 s, longer than statements wait',
  run: async ({ asAdmin }) => {
    await asAdmin(async (admin) => {
      await admin.query('begin; lock table todo.tasks in access exclusive mode')
      await sleep(5_000)
      await admin.query('commit')
    })
    return undefined
  },
}
