import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import type { Pooled } from '../scenes/pooled.ts'

export const pooled: Fault<Pooled> = {
  name: 'pooler',
  what: 'PgBouncer in transaction mode, with two sessions for eight connections, and no fault; the server rejects no request',
  run: async ({ pooler, asAdmin }, load) => {
    load.record.troubled = false
    await sleep(4_000)
    const left = await asAdmin(async (admin) => {
      const { rows } = await admin.query(
        `select count(*)::int from pg_stat_activity where application_name like 'todo-backend%'`,
      )
      return rows[0].count
    })
    if (left === 0) throw new Error('no session of the pooler was there')
    load.record.troubled = true
    return `PgBouncer ${pooler.version}`
  },
}

export const pooledTerminate: Fault<Pooled> = {
  name: 'pooler-terminate',
  what: 'behind PgBouncer, `pg_terminate_backend` ends every session, ten times',
  run: async ({ asAdmin }) => {
    await asAdmin(async (admin) => {
      for (let time = 0; time < 10; time += 1) {
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where backend_type = 'client backend' and pid <> pg_backend_pid()`,
        )
        await sleep(200)
      }
    })
    return undefined
  },
}

export const pooledRestart: Fault<Pooled> = {
  name: 'pooler-restart',
  what: 'PgBouncer is killed and started again, three times',
  run: async ({ pooler }) => {
    for (let time = 0; time < 3; time += 1) {
      await pooler.restart()
      await sleep(400)
    }
    return undefined
  },
}
