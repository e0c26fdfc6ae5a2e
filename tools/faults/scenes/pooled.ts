import { NOTICES, type OnPostgres, openOnPostgres } from './on-postgres.ts'
import { type Pgbouncer, startPgbouncer } from './pgbouncer.ts'

/** A server that reaches PostgreSQL through PgBouncer, in transaction mode. */
export interface Pooled extends OnPostgres {
  readonly pooler: Pgbouncer
}

/** Fewer sessions than the server has connections, so that users share every session. */
const SESSIONS = 2

/** @throws {NotTried} */
export async function openPooled(): Promise<Pooled> {
  const poolers: Pgbouncer[] = []
  const scene = await openOnPostgres({
    mostSessions: SESSIONS + NOTICES,
    between: async (url) => {
      const started = await startPgbouncer(url, SESSIONS)
      poolers.push(started)
      return started.url
    },
  })
  const [pooler] = poolers
  if (pooler === undefined) throw new Error('there is no pooler')
  const { close: closeServer } = scene
  const close = async () => {
    await closeServer()
    await pooler.close()
  }
  return Object.assign(scene, { pooler, close })
}
