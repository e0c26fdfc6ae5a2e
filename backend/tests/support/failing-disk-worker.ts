/**
 * The thread of an embedded database on a disk that reports an error for each sync of the log, from the
 * moment a file {@link DISK_FAILS} is beside the database.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { DISK_FAILS } from './failing-disk.ts'

const { directory } = workerData as { directory: string } // given by PgliteThread
const { existsSync, fdatasync, fdatasyncSync } = fs
const fails = () => existsSync(join(directory, '..', DISK_FAILS))
const failure = () => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })

Object.assign(fs, {
  fdatasync: (fd: number, done: (error: Error | null) => void) =>
    fails() ? setImmediate(done, failure()) : fdatasync(fd, done),
  fdatasyncSync: (fd: number) => {
    if (fails()) throw failure()
    fdatasyncSync(fd)
  },
})
syncBuiltinESMExports()

await import('../../src/database/pglite/worker.ts')
