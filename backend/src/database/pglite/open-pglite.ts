import { PGlite } from '@electric-sql/pglite'

/** With PostgreSQL's default buffers (128 MB) the process takes 300 MB and more. */
const SETTINGS = ['shared_buffers=8MB', 'wal_buffers=256kB', 'timezone=UTC']

/**
 * Opens PGlite in this thread.
 *
 * @param directory of the cluster, which is created if it is missing; null keeps it in memory.
 */
export function openPglite(directory: string | null): Promise<PGlite> {
  return PGlite.create({
    ...(directory === null ? {} : { dataDir: directory }),
    startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
  })
}
