import { setTimeout as sleep } from 'node:timers/promises'
import { freeze } from '../family.ts'
import type { Fault } from '../fault.ts'
import type { OnPostgres } from '../scenes/on-postgres.ts'

const OUTAGE_MS = 30_000
/** Longer than the server waits for a silent connection. */
const FROZEN_MS = 12_000

export const restart: Fault<OnPostgres> = {
  name: 'restart',
  what: 'PostgreSQL restarts (fast shutdown), three times',
  run: async ({ postgres }) => {
    for (let time = 0; time < 3; time += 1) {
      await postgres.end('SIGINT')
      await postgres.start()
      await sleep(500)
    }
    return undefined
  },
}

export const crash: Fault<OnPostgres> = {
  name: 'crash',
  what: 'PostgreSQL crashes and recovers from its write-ahead log',
  run: async ({ postgres }) => {
    await postgres.end('SIGQUIT')
    await postgres.start()
    return undefined
  },
}

export const outage: Fault<OnPostgres> = {
  name: 'outage',
  what: 'PostgreSQL is down for 30 s',
  run: async ({ postgres }) => {
    await postgres.end('SIGINT')
    await sleep(OUTAGE_MS)
    await postgres.start()
    return undefined
  },
}

export const frozen: Fault<OnPostgres> = {
  name: 'frozen',
  what: 'SIGSTOP stops all processes of PostgreSQL for 12 s, then they continue',
  run: async ({ postgres: { pid } }) => {
    freeze(pid, true)
    try {
      await sleep(FROZEN_MS)
    } finally {
      freeze(pid, false)
    }
    return undefined
  },
}
