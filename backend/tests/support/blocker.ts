import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { rawStatement } from './databases.ts'

/** A lock of the test's own, for statements that are to take until the test has seen enough. */
export interface Blocker {
  /** Returns when the lock is released, or after the 5 s that PostgreSQL allows a statement. */
  readonly statement: ReturnType<typeof rawStatement>
  /** Resolves when as many statements wait for it, or more. */
  waitFor(count: number): Promise<void>
  /** How many statements wait for it. */
  waiting(): Promise<number>
  release(): Promise<void>
  close(): Promise<void>
}

const KEY = 4_711
const WAITING = `select count(*)::int as count from pg_locks l join pg_database d on d.oid = l.database
  where locktype = 'advisory' and objid = ${KEY} and not granted and datname = current_database()`

export async function holdLock(connectionString: string): Promise<Blocker> {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query(`select pg_advisory_lock(${KEY})`)
  const waiting = async () => (await client.query(WAITING)).rows[0].count
  return {
    statement: rawStatement(
      `with patient as materialized (select set_config('lock_timeout', '60000', true))
       select pg_advisory_xact_lock_shared(${KEY}) from patient`,
    ),
    waiting,
    waitFor: async (count) => {
      while ((await waiting()) < count) await sleep(5)
    },
    release: async () => {
      await client.query('select pg_advisory_unlock_all()')
    },
    close: () => client.end(),
  }
}
