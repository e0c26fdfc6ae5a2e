import { setTimeout as sleep } from 'node:timers/promises'
import { children } from '../family.ts'
import type { Fault } from '../fault.ts'
import type { OnPostgres } from '../scenes/on-postgres.ts'

/** A second signal within this time counts as the first (backend/src/processes/stop.ts). */
const SAME_SIGNAL_MS = 1_000
const AT_ONCE_MS = 500

export const terminated: Fault<OnPostgres> = {
  name: 'sigterm',
  what: 'the server receives SIGTERM, answers the requests in progress and exits with 0; another server replaces it',
  takes: 'server',
  run: async ({ server, startAgain }) => {
    server.kill('SIGTERM')
    const code = await server.ended
    if (code !== 0) throw new Error(`the server ended with ${code}`)
    await startAgain()
    return undefined
  },
}

export const terminatedTwice: Fault<OnPostgres> = {
  name: 'sigterm-twice',
  what: 'the server receives SIGTERM while requests wait for a lock, and a second SIGTERM ends it at once',
  takes: 'server',
  run: async ({ server, asAdmin, startAgain }) => {
    await asAdmin(async (admin) => {
      await admin.query('begin; lock table todo.tasks in access exclusive mode')
      await sleep(200)
      server.kill('SIGTERM')
      await sleep(SAME_SIGNAL_MS + 200)
      const sentMs = performance.now()
      server.kill('SIGTERM')
      const code = await server.ended
      const tookMs = performance.now() - sentMs
      if (code !== 1) throw new Error(`the server ended with ${code}`)
      if (tookMs > AT_ONCE_MS) throw new Error(`the server ended after ${tookMs} ms`)
      await admin.query('commit')
    })
    await startAgain()
    return undefined
  },
}

export const killed: Fault<OnPostgres> = {
  name: 'sigkill',
  what: 'SIGKILL ends the server; another server replaces it',
  takes: 'server',
  run: async ({ server, startAgain }) => {
    server.kill('SIGKILL')
    await server.ended
    await startAgain()
    return undefined
  },
}

export const workerKilled: Fault<OnPostgres> = {
  name: 'sigkill-worker',
  what: 'SIGKILL ends one of two processes (`WEB_CONCURRENCY=2`), three times; the other continues to serve',
  takes: 'connections',
  run: async ({ server }) => {
    for (let time = 0; time < 3; time += 1) {
      const [worker] = children(server.pid)
      if (worker === undefined) throw new Error('there is no worker')
      process.kill(worker, 'SIGKILL')
      while (children(server.pid).length < 2 || children(server.pid).includes(worker)) {
        await sleep(50)
      }
      await sleep(300)
    }
    return undefined
  },
}
