import { setTimeout as rest } from 'node:timers/promises'
import type { Log } from '../core/log/logger.ts'
import type { Database } from '../database/session.ts'
import { purgeExpired } from '../models/tasks/trash.ts'
import { type JobWatch, regularly } from './regularly.ts'

/** Often enough for a limit of days, and seldom enough to let a suspended database sleep. */
const EVERY_MS = 6 * 3_600_000
const BATCH_TASKS = 500
const BATCH_PAUSE_MS = 200

export interface PurgeOptions {
  readonly database: Pick<Database, 'asUser'>
  readonly log: Log
  /** How long a deleted task stays in the trash. */
  readonly trashDays: number
  readonly everyMs?: number
  readonly watch?: JobWatch | undefined
}

/**
 * Deletes what has expired from the trash, now and every six hours, in small steps. The database lets one
 * process at a time do it.
 *
 * @returns a function that ends it.
 */
export function purgeRegularly({
  database,
  log,
  trashDays,
  everyMs = EVERY_MS,
  watch,
}: PurgeOptions): () => void {
  const job = { job: 'purge', everyMs, log, failure: 'the trash could not be purged', watch }
  return regularly(job, async (signal) => {
    // The statement is about rows of all users, and needs the scope of none.
    while ((await database.asUser('', purgeExpired(trashDays, BATCH_TASKS))) > 0) {
      await rest(BATCH_PAUSE_MS, undefined, { signal })
    }
  })
}
