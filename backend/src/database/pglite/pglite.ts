import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { unusable } from '../../core/config/config.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Connector } from '../connector.ts'
import type { FolderLock } from './held-folder.ts'
import { LockedError, type LockOptions, takeLock } from './lock-file.ts'
import { PgliteStream } from './stream.ts'
import { PgliteThread } from './thread.ts'

/** Inside the data folder: the cluster, and beside it one being made. */
const CLUSTER = 'database'
const UNFINISHED = 'database.new-'
/** The process that was making it may live a little longer than the start that was killed. */
const REMOVE = { recursive: true, maxRetries: 10, retryDelay: 300 }

const MAKE_CLUSTER = fileURLToPath(new URL('./make-cluster.ts', import.meta.url))
const execute = promisify(execFile)

// V8's optimizing compiler takes 550 MB for one function of PGlite's, and leaves the process at 75 MB
// more than before. The baseline code starts faster and serves within the noise of the optimized.
setFlagsFromString('--no-wasm-tier-up')
setFlagsFromString('--no-wasm-dynamic-tiering')

export interface PgliteOptions extends LockOptions {
  /** Those of the server, or shorter ones for tests. */
  readonly limits?: Limits
}

/**
 * The embedded database: PostgreSQL compiled to WebAssembly (PGlite), in a worker thread so that a
 * long statement does not stop the server, spoken to in PostgreSQL's own protocol.
 *
 * @param directory the data folder, made when missing; null keeps everything in memory.
 * @throws {LockedError} when another process has the folder.
 */
export async function connectPglite(
  directory: string | null,
  { limits = LIMITS, ...options }: PgliteOptions = {},
): Promise<Connector> {
  if (directory === null) {
    return connector(
      await PgliteThread.start(null, { limits }),
      'embedded (PGlite), in memory: everything is gone when the server stops',
      limits,
    )
  }
  const lock = await takeFolder(directory, options)
  try {
    await makeCluster(directory)
    const thread = await PgliteThread.start(join(directory, CLUSTER), { limits, lock })
    return connector(
      thread,
      `embedded (PGlite), in ${directory}: acknowledged tasks survive a killed process, but not a power cut (it never calls fsync), and one process at a time can use the folder`,
      limits,
      () => lock.release(),
    )
  } catch (error) {
    lock.release()
    throw error
  }
}

async function takeFolder(directory: string, options: LockOptions): Promise<FolderLock> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return await takeLock(directory, options)
  } catch (error) {
    throw error instanceof LockedError ? error : unusable(directory, error)
  }
}

function connector(
  thread: PgliteThread,
  description: string,
  limits: Limits,
  unlock = () => {},
): Connector {
  // All of it is said, so that none of it is taken from the PG… variables of the environment.
  const config = {
    host: 'embedded',
    user: 'postgres',
    password: '',
    database: 'postgres',
    ssl: false,
  }
  return {
    description,
    size: 1,
    pooled: { ...config, stream: () => new PgliteStream(thread, limits) },
    // A migration may take as long as it has to.
    direct: { ...config, stream: () => new PgliteStream(thread) },
    failed: thread.failed,
    close: async () => {
      await thread.close()
      unlock()
    },
  }
}

/**
 * The first start makes the cluster beside its place: a start that was killed leaves no half of it.
 * It does so in a process of its own, because what that takes in memory (700 MB) stays.
 */
async function makeCluster(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(UNFINISHED)) rmSync(join(directory, name), REMOVE)
  }
  if (existsSync(join(directory, CLUSTER))) return
  // Not named after the process id: a process in another container may have the same one.
  const unfinished = join(directory, `${UNFINISHED}${randomUUID()}`)
  await execute(process.execPath, [MAKE_CLUSTER, unfinished])
  // PGlite makes its files readable by all.
  chmodSync(unfinished, 0o700)
  renameSync(unfinished, join(directory, CLUSTER))
}
