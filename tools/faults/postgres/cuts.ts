import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import type { CutPoint } from '../proxy/commit-proxy.ts'
import type { OnPostgres } from '../scenes/on-postgres.ts'

const CUTS = 25
const PAUSE_MS = 80

/** Cuts connections one after the other, each near the end of a write. */
function cutting(point: CutPoint): Fault<OnPostgres>['run'] {
  return async ({ proxy }) => {
    const before = proxy.cuts
    for (let cut = 0; cut < CUTS; cut += 1) {
      proxy.cutNextWrite(point)
      await sleep(PAUSE_MS)
    }
    const cuts = proxy.cuts - before
    if (cuts < CUTS / 2) throw new Error(`only ${cuts} connections were cut`)
    return `${cuts} connections`
  }
}

export const cutBefore: Fault<OnPostgres> = {
  name: 'cut-before-commit',
  what: 'a proxy cuts connections when PostgreSQL has received a write but not its commit',
  run: cutting('before'),
}

export const cutAt: Fault<OnPostgres> = {
  name: 'cut-at-commit',
  what: 'a proxy cuts connections when PostgreSQL has committed and before its response arrives',
  run: cutting('at'),
  leaves: ({ done }) => done > 0,
}

export const cutWithin: Fault<OnPostgres> = {
  name: 'cut-within-answer',
  what: 'a proxy cuts connections in the middle of the response to a write',
  run: cutting('within the answer'),
  leaves: ({ done }) => done > 0,
}

export const cutAll: Fault<OnPostgres> = {
  name: 'cut-all',
  what: 'a proxy cuts all connections at once, ten times',
  run: async ({ proxy }) => {
    for (let cut = 0; cut < 10; cut += 1) {
      proxy.cut()
      await sleep(200)
    }
    return undefined
  },
}

export const terminate: Fault<OnPostgres> = {
  name: 'terminate',
  what: '`pg_terminate_backend` ends every session during writes, ten times',
  run: async ({ asAdmin }) => {
    let ended = 0
    await asAdmin(async (admin) => {
      for (let time = 0; time < 10; time += 1) {
        const { rowCount } = await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name like 'todo-backend%'`,
        )
        ended += rowCount ?? 0
        await sleep(200)
      }
    })
    if (ended === 0) throw new Error('no session was there to end')
    return `${ended} sessions`
  },
}
