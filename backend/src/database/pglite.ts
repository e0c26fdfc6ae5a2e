import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { unusable } from '../core/config.ts'
import { LockedError, takeLock } from './lock-file.ts'
import type { WorkerReply, WorkerRequest } from './pglite-worker.ts'
import type { Connector } from './pool.ts'

/** Inside the data folder: the cluster, and beside it one being made. */
const CLUSTER = 'database'
const UNFINISHED = 'database.new-'
/** The process that was making it may live a little longer than the start that was killed. */
const REMOVE = { recursive: true, maxRetries: 10, retryDelay: 300 }

/** Queries that PGlite is given at once, and the message that ends each (PostgreSQL manual §54.7). */
const BATCH_QUERIES = 8
const SYNC = 'S'.charCodeAt(0)

const MAKE_CLUSTER = fileURLToPath(new URL('./make-cluster.ts', import.meta.url))
const execute = promisify(execFile)

// V8's optimizing compiler takes 550 MB for one function of PGlite's, and leaves the process at 75 MB
// more than before. The baseline code starts faster and serves within the noise of the optimized.
setFlagsFromString('--no-wasm-tier-up')
setFlagsFromString('--no-wasm-dynamic-tiering')

/**
 * The embedded database: PostgreSQL compiled to WebAssembly (PGlite), in a worker thread so that a
 * long statement does not stop the server, spoken to in PostgreSQL's own protocol.
 *
 * @param directory the data folder, made when missing; null keeps everything in memory.
 * @throws {LockedError} when another process has the folder.
 */
export async function connectPglite(directory: string | null): Promise<Connector> {
  if (directory === null) {
    return connector(
      await PgliteThread.start(null),
      'embedded (PGlite), in memory: everything is gone when the server stops',
      () => {},
    )
  }
  const unlock = takeFolder(directory)
  try {
    await makeCluster(directory)
    return connector(
      await PgliteThread.start(join(directory, CLUSTER)),
      `embedded (PGlite), in ${directory}: acknowledged tasks survive a killed process, but not a power cut (it never calls fsync), and one process at a time can use the folder`,
      unlock,
    )
  } catch (error) {
    unlock()
    throw error
  }
}

function takeFolder(directory: string): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return takeLock(join(directory, 'lock'))
  } catch (error) {
    throw error instanceof LockedError ? error : unusable(directory, error)
  }
}

function connector(thread: PgliteThread, description: string, unlock: () => void): Connector {
  // All of it is said, so that none of it is taken from the PG… variables of the environment.
  const config = {
    stream: () => new PgliteStream(thread),
    host: 'embedded',
    user: 'postgres',
    password: '',
    database: 'postgres',
    ssl: false,
  }
  return {
    description,
    size: 1,
    pooled: config,
    direct: config,
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
  const unfinished = join(directory, `${UNFINISHED}${process.pid}`)
  await execute(process.execPath, [MAKE_CLUSTER, unfinished])
  // PGlite makes its files readable by all.
  chmodSync(unfinished, 0o700)
  renameSync(unfinished, join(directory, CLUSTER))
}

/** The thread PGlite runs in. One message at a time: bytes of the protocol there, bytes back. */
class PgliteThread {
  readonly failed: Promise<Error>
  readonly #worker: Worker
  readonly #waiting: { resolve: (reply: WorkerReply) => void; reject: (error: Error) => void }[] =
    []
  #fail: (error: Error) => void = () => {}
  #gone: Error | undefined

  static async start(directory: string | null): Promise<PgliteThread> {
    const thread = new PgliteThread(directory)
    await thread.#ask({ kind: 'open' })
    return thread
  }

  private constructor(directory: string | null) {
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
    this.#worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
      workerData: { directory },
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    this.#worker.on('message', (reply: Partial<WorkerReply>) => {
      // Under --watch Node sends messages of its own on the same port.
      if (reply.bytes !== undefined) this.#waiting.shift()?.resolve({ bytes: reply.bytes })
    })
    this.#worker.on('error', (error) =>
      this.fail(error instanceof Error ? error : new Error(String(error))),
    )
    this.#worker.on('exit', () => this.fail(new Error('The embedded database stopped')))
  }

  async exchange(bytes: Uint8Array): Promise<Uint8Array> {
    const reply = await this.#ask({ kind: 'exchange', bytes })
    return reply.bytes
  }

  async close(): Promise<void> {
    if (this.#gone === undefined) await this.#ask({ kind: 'close' })
    this.#gone ??= new Error('The embedded database is closed')
    await this.#worker.terminate()
  }

  /** Ends the thread. PGlite cannot be trusted to answer again after it failed once. */
  fail(error: Error): void {
    if (this.#gone !== undefined) return
    this.#gone = error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    this.#fail(error)
    this.#worker.terminate()
  }

  #ask(request: WorkerRequest): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone)
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(request)
    })
  }
}

/** What pg takes for a socket: a stream to the thread, with the few socket methods it calls. */
class PgliteStream extends Duplex {
  readonly #thread: PgliteThread

  constructor(thread: PgliteThread) {
    super({ decodeStrings: true })
    this.#thread = thread
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#thread.exchange(chunk).then(
      (bytes) => {
        if (bytes.length > 0) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
        done()
      },
      (error) => done(error),
    )
  }

  /**
   * While one batch is at work the next gathers here. It goes on in small batches, so that answers
   * come back while others wait. pg corks each query, so none is ever split.
   */
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error) => void,
  ): void {
    let syncs = 0
    let end = 0
    while (end < chunks.length && syncs < BATCH_QUERIES) {
      if (chunks[end]?.chunk[0] === SYNC) syncs += 1
      end += 1
    }
    this._write(Buffer.concat(chunks.slice(0, end).map(({ chunk }) => chunk)), 'utf8', (error) => {
      if (error || end === chunks.length) done(error)
      else this._writev(chunks.slice(end), done)
    })
  }

  /** The other side hangs up when this one has. */
  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // pg destroys its stream with an error when the database owes an answer for too long; the
    // thread is then stuck, on a full disk for one.
    if (error !== null) this.#thread.fail(error)
    done(error)
  }
}
