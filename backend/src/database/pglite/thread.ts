import { Worker } from 'node:worker_threads'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { compilePglite } from './compile.ts'
import type { FolderLock } from './held-folder.ts'
import { ownBytes } from './own-bytes.ts'
import { endsIdle, lastBytes } from './ready-for-query.ts'
import { Watchdog } from './watchdog.ts'
import type { WorkerData, WorkerReply, WorkerRequest } from './worker.ts'

/** After an error PostgreSQL ignores everything until a Sync, and the connection may have ended without one. */
const ROLLBACK = Buffer.from('S\0\0\0\x04Q\0\0\0\rrollback\0')

/** The callbacks of an exchange, for events before its end. */
export interface Progress {
  /** Receives a part of the response. */
  readonly onPart?: (bytes: Uint8Array) => void
  /** Is called, at least once, when the session may send more. */
  readonly onExecuted?: () => void
}

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: Error) => void
  readonly onPart: ((bytes: Uint8Array) => void) | undefined
  readonly onExecuted: ((idle: boolean) => void) | undefined
  readonly unlimited: boolean
}

/** One of pg's connections. PGlite has a single session for all of them. */
export interface Session {
  /** Whether its statements have no time limit, as for migrations. */
  readonly unlimited?: boolean
}

export interface ThreadOptions {
  readonly limits?: Limits
  /** The lock of its data folder. */
  readonly lock?: FolderLock
  /** The program of the thread. Tests use one that blocks. */
  readonly worker?: URL
}

const WORKER = new URL('./worker.ts', import.meta.url)

/**
 * The worker thread in which PGlite runs. It executes one message of protocol bytes at a time and returns
 * the response's bytes. While a transaction is open, only its connection can use the thread.
 */
export class PgliteThread {
  readonly failed: Promise<Error>
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  /** The number of requests, the first ones, that are executed and wait only for a sync. */
  #executed = 0
  readonly #queue: { session: Session; admit: () => void }[] = []
  readonly #ended = new WeakSet<Session>()
  readonly #lock: FolderLock | undefined
  readonly #watchdog: Watchdog
  #owner: Session | undefined
  #fail: (error: Error) => void = () => {}
  #failure: Error | undefined

  static async start(directory: string | null, options?: ThreadOptions): Promise<PgliteThread> {
    const thread = new PgliteThread({ directory, code: await compilePglite() }, options)
    await thread.#send({ kind: 'open' })
    return thread
  }

  private constructor(
    data: WorkerData,
    { limits = LIMITS, lock, worker = WORKER }: ThreadOptions = {},
  ) {
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
    this.#worker = new Worker(worker, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    this.#worker.on('message', (reply: WorkerReply) => this.#receive(reply))
    this.#worker.on('error', (error) =>
      this.fail(error instanceof Error ? error : new Error(String(error))),
    )
    this.#worker.on('exit', () => this.fail(new Error('The embedded database stopped')))
    this.#lock = lock
    lock?.lost.then((error) => this.fail(error))
    this.#watchdog = new Watchdog(this.#worker, limits, (error) => this.fail(error))
  }

  /** How long the thread has sent nothing of the response that it owes; 0 if it owes none. */
  silentMs(): number {
    return this.#watchdog.silentMs()
  }

  /**
   * Executes protocol messages.
   *
   * @param progress reports the parts of the response, and when the thread accepts more of this session: before the
   * end of the response if a commit is still being synced.
   * @returns the rest of the response.
   */
  async exchange(
    session: Session,
    bytes: Uint8Array,
    progress: Progress = {},
  ): Promise<Uint8Array> {
    await this.#enter(session)
    if (this.#ended.has(session)) {
      this.#admitNext(session)
      throw new Error('The connection ended before its statement began')
    }
    let end: Uint8Array = new Uint8Array(0)
    let owns = true
    const onExecuted = (idle: boolean) => {
      if (idle && owns) this.#admitNext(session)
      owns &&= !idle
      progress.onExecuted?.()
    }
    const onPart = (part: Uint8Array) => {
      end = lastBytes(end, part)
      progress.onPart?.(part)
    }
    const rest = await this.#send(
      { kind: 'exchange', bytes: ownBytes(bytes) },
      { onPart, onExecuted },
      session.unlimited,
    )
    onExecuted(endsIdle(lastBytes(end, rest)))
    return rest
  }

  /**
   * Ends a connection. Rolls back its open transaction; its waiting statements do not begin.
   *
   * @param cleanup messages that are executed afterwards, such as those that deallocate its statements.
   */
  async leave(session: Session, cleanup: Uint8Array = new Uint8Array(0)): Promise<void> {
    if (this.#ended.has(session) || this.#failure !== undefined) return
    this.#ended.add(session)
    const cleaned = cleanup.length > 0 ? this.exchange({}, cleanup) : undefined
    await Promise.all([this.#rollback(session), cleaned])
  }

  async #rollback(session: Session): Promise<void> {
    if (this.#owner !== session) return
    await this.#send({ kind: 'exchange', bytes: ROLLBACK })
    this.#admitNext(session)
  }

  #enter(session: Session): Promise<void> | undefined {
    this.#owner ??= session
    // After a failure the owner never releases the thread.
    if (this.#owner === session || this.#failure !== undefined) return
    return new Promise((admit) => this.#queue.push({ session, admit }))
  }

  #admitNext(after: Session): void {
    if (this.#owner !== after) return
    const next = this.#queue.shift()
    this.#owner = next?.session
    next?.admit()
  }

  async close(): Promise<void> {
    if (this.#failure === undefined) await this.#send({ kind: 'close' })
    this.#failure ??= new Error('The embedded database is closed')
    this.#watchdog.stop()
    await this.#worker.terminate()
  }

  /** Ends the thread and rejects every request. PGlite cannot be used after a failure. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#watchdog.stop()
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    // Each then sends its request, which rejects.
    for (const { admit } of this.#queue.splice(0)) admit()
    this.#fail(error)
    this.#worker.terminate()
  }

  #receive(reply: WorkerReply | { kind?: undefined }): void {
    // Under --watch Node sends its own messages on the same port.
    if (reply.kind === undefined) return
    // Acknowledges nothing if another process has the folder now. `lost` ends this process.
    if (this.#lock?.confirm() === false) return
    this.#watchdog.received()
    if (reply.kind === 'part') this.#waiting[0]?.onPart?.(reply.bytes)
    else if (reply.kind === 'executed') {
      const request = this.#waiting[this.#executed]
      this.#executed += 1
      request?.onExecuted?.(reply.idle)
    } else {
      this.#executed = Math.max(0, this.#executed - reply.ends.length)
      for (const bytes of reply.ends) this.#waiting.shift()?.resolve(bytes)
      this.#expect()
    }
  }

  #send(
    request: WorkerRequest,
    progress: Pick<Waiting, 'onPart' | 'onExecuted'> = { onPart: undefined, onExecuted: undefined },
    unlimited = request.kind !== 'exchange',
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      if (this.#lock?.confirm() === false)
        return reject(new Error('This server no longer has the data folder'))
      this.#waiting.push({ resolve, reject, ...progress, unlimited })
      if (this.#waiting.length === 1) this.#expect()
      this.#worker.postMessage(request)
    })
  }

  #expect(): void {
    const [first] = this.#waiting
    if (first === undefined) this.#watchdog.rest()
    else this.#watchdog.expect(first.unlimited)
  }
}
