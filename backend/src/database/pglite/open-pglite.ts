import { PGlite } from '@electric-sql/pglite'
import type { NodeFS } from '@electric-sql/pglite/nodefs'
import { SEARCH_PATH } from '../scope.ts'
import type { PgliteCode } from './compile.ts'
import { DurableFiles } from './durable-files.ts'

/**
 * With PostgreSQL's default buffers (128 MB) the process takes 300 MB and more. With 8 MB, changes wait more often until a page
 * of others is written, behind a sync of the log.
 */
const BUFFERS = ['shared_buffers=16MB', 'wal_buffers=256kB']
/**
 * All connections share one session, and one of them may reset what another has set. Under another path PostgreSQL would
 * plan each statement again.
 */
const SESSION = [`search_path=${SEARCH_PATH}`, 'plan_cache_mode=force_generic_plan', 'timezone=UTC']
const DURABLE = [
  'fsync=on',
  // The only method that reaches the file system: PGlite's C library has no fdatasync.
  'wal_sync_method=fsync',
  // Nobody replicates this database. The sizes are those that the checkpoints of worker.ts need.
  ...['wal_level=minimal', 'max_wal_senders=0', 'min_wal_size=32MB', 'max_wal_size=64MB'],
]
/** PGlite's default, which switches fsync off. */
const WITHOUT_FSYNC = '-F'

/** The reason for which PostgreSQL ends, in its log. */
const REASON = /(?:FATAL|PANIC): +(.*)/

/**
 * Opens PGlite in this thread.
 *
 * @param files of the cluster, which is created if it is missing; null keeps it in memory.
 * @param code that is compiled already.
 * @throws {Error} with PostgreSQL's reason. PGlite itself only says that PostgreSQL ended.
 */
export async function openPglite(files: NodeFS | null, code?: PgliteCode): Promise<PGlite> {
  const durable = files instanceof DurableFiles
  const parameters = PGlite.defaultStartParams.filter((one) => !durable || one !== WITHOUT_FSYNC)
  const settings = [...BUFFERS, ...SESSION, ...(durable ? DURABLE : [])]
  let reason: string | undefined
  try {
    return await PGlite.create({
      ...(files === null ? {} : { fs: files }),
      ...code,
      startParams: [...parameters, ...settings.flatMap((setting) => ['-c', setting])],
      onStderr: (text) => {
        reason ??= REASON.exec(text)?.[1]
        return true
      },
    })
  } catch (cause) {
    throw new Error(reason ?? (cause instanceof Error ? cause.message : String(cause)), { cause })
  }
}
