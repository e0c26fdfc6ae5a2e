import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unusableFolder } from '../../core/config/unusable-folder.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Connector } from '../connector.ts'
import { detectScope } from '../scope.ts'
import { syncFolder } from '../sync.ts'
import { compilePglite } from './compile.ts'
import { openControlSocket } from './control-socket.ts'
import { checkCluster, DamagedFolderError, refuseCluster } from './damaged-folder.ts'
import { deniedParent, deniedPart } from './denied-part.ts'
import type { FolderLock } from './held-folder.ts'
import { LockedError, type LockOptions, takeLock } from './lock-file.ts'
import { PgliteStream } from './stream.ts'
import { PgliteThread, type ThreadOptions } from './thread.ts'

/** The folders of the cluster, and of a cluster that is being created, inside the data folder. */
export const CLUSTER = 'database'
const UNFINISHED = 'database.new-'
/** Retries, because the process that creates the cluster may outlive a killed start for a moment. */
const REMOVE = { recursive: true, maxRetries: 10, retryDelay: 300 }

const MAKE_CLUSTER = fileURLToPath(new URL('./make-cluster.ts', import.meta.url))
const execute = promisify(execFile)

/** The creation of a cluster ends before optimized code would save more time than V8 takes to optimize it. */
const WITHOUT_OPTIMIZATION = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']

export interface PgliteOptions extends LockOptions {
  /** Tests pass shorter limits. */
  readonly limits?: Limits
  /** The program of its thread, if not the server's own. */
  readonly worker?: URL
}

/**
 * Opens the embedded database: PostgreSQL compiled to WebAssembly (PGlite). It runs in a worker thread, so
 * that a long statement does not block the server, and pg uses PostgreSQL's protocol to talk to it.
 *
 * @param directory the data folder, which is created if it is missing; null keeps everything in memory.
 * @throws {LockedError} if another process has the folder.
 * @throws {DamagedFolderError} if the database in it cannot be opened.
 * @throws {ConfigError} if the folder cannot be used.
 */
export async function connectPglite(
  directory: string | null,
  { limits = LIMITS, worker, ...options }: PgliteOptions = {},
): Promise<Connector> {
  const program = worker && { worker }
  if (directory === null) {
    return connector(
      await PgliteThread.start(null, { limits, ...program }),
      'embedded (PGlite), in memory: all data is lost when the server stops',
      limits,
    )
  }
  refuseCluster(directory)
  const lock = await lockFolder(directory, options)
  try {
    await makeCluster(directory)
    const thread = await openCluster(directory, { limits, lock, ...program })
    const closeSocket = await openControlSocket(directory, thread)
    return connector(
      thread,
      `embedded (PGlite), in ${directory}: acknowledged changes survive a killed process and a power cut, and one process at a time can use the folder`,
      limits,
      { beforeClose: closeSocket, afterClose: () => lock.release() },
    )
  } catch (error) {
    lock.release()
    const denied = deniedPart(directory)
    throw denied === undefined ? error : unusableFolder(directory, denied)
  }
}

/** Whether the data folder has a database. A start creates a missing one, which takes seconds. */
export function hasCluster(directory: string): boolean {
  return existsSync(join(directory, CLUSTER))
}

/** @throws {DamagedFolderError} */
async function openCluster(directory: string, options: ThreadOptions): Promise<PgliteThread> {
  const cluster = join(directory, CLUSTER)
  checkCluster(directory, cluster)
  // Before the thread does, because its failure says nothing about the folder.
  await compilePglite()
  try {
    return await PgliteThread.start(cluster, options)
  } catch (error) {
    throw new DamagedFolderError(directory, error instanceof Error ? error.message : String(error))
  }
}

async function lockFolder(directory: string, options: LockOptions): Promise<FolderLock> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return await takeLock(directory, options)
  } catch (error) {
    if (error instanceof LockedError) throw error
    throw unusableFolder(directory, deniedParent(resolve(directory)) ?? error)
  }
}

function connector(
  thread: PgliteThread,
  description: string,
  limits: Limits,
  { beforeClose = () => {}, afterClose = () => {} } = {},
): Connector {
  // All members are set, because pg would read missing ones from PG… environment variables.
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
    chooseScope: detectScope,
    pooled: { ...config, stream: () => new PgliteStream(thread, limits) },
    // Without limits, because a migration may take long.
    direct: { ...config, stream: () => new PgliteStream(thread) },
    failed: thread.failed,
    close: async () => {
      beforeClose()
      await thread.close()
      afterClose()
    },
  }
}

/**
 * Creates the cluster at the first start. It is renamed when it is complete, so that a killed start leaves
 * no half of it. A child process creates it, because this process would keep the memory (570 MB).
 */
async function makeCluster(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(UNFINISHED)) rmSync(join(directory, name), REMOVE)
  }
  if (hasCluster(directory)) return
  // A random name, because a process in another container may have the same process id.
  const unfinished = join(directory, `${UNFINISHED}${randomUUID()}`)
  try {
    await execute(process.execPath, [...WITHOUT_OPTIMIZATION, MAKE_CLUSTER, unfinished])
  } catch (cause) {
    // The kernel kills a process that exceeds the memory of its container, and it says nothing then.
    if (!(cause instanceof Error && 'signal' in cause && cause.signal === 'SIGKILL')) throw cause
    throw new Error(
      'The embedded database could not be created: the process that creates it was killed, probably because memory ran out. It takes up to 0.6 GB once. Give the container or service 1 GB, and start the server again',
      { cause },
    )
  }
  // PGlite creates files that every user can read.
  chmodSync(unfinished, 0o700)
  renameSync(unfinished, join(directory, CLUSTER))
  // Otherwise a power cut could undo the renaming, and the next start would remove the database.
  for (const folder of [directory, dirname(resolve(directory))]) await syncFolder(folder)
}
