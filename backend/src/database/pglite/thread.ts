import { Worker } from 'node:worker_threads'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { FolderLock } from './held-folder.ts'
import { Watchdog } from './watchdog.ts'
import type { WorkerReply, WorkerRequest } from './worker.ts'

/** ReadyForQuery (PostgreSQL manual §54.7), which ends an answer, with the status "idle". */
const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const ROLLBACK = Buffer.from('Q\0\0\0\rrollback\0')
const DEALLOCATE = Buffer.from('Q\0\0\0\x13deallocate all\0')

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: Error) => void
  readonly ahead: ((bytes: Uint8Array) => void) | undefined
  readonly endless: boolean
}

/** One connection of pg's; PGlite has a single session for all of them. */
export interface Session {
  /** Whether its statements have no time limit, as those of migrations. */
  readonly endless?: boolean
}

export interface ThreadOptions {
  readonly limits?: Limits
  /** The lock of its data folder. */
  readonly lock?: FolderLock
  /** The program of the thread; tests use one that gets stuck. */
  readonly worker?: URL
}

const WORKER = new URL('./worker.ts', import.meta.url)

/**
 * The thread PGlite runs in. One message at a time: bytes of the protocol there, bytes back. From the
 * begin of a transaction to its end only its own connection is let through.
 */
export class PgliteThread {
  readonly failed: Promise<Error>
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  readonly #queue: { session: Session; admit: () => void }[] = []
  readonly #left = new WeakSet<Session>()
  readonly #lock: FolderLock | undefined
  readonly #watchdog: Watchdog
  #owner: Session | undefined
  #fail: (error: Error) => void = () => {}
  #gone: Error | undefined

  static async start(directory: string | null, options?: ThreadOptions): Promise<PgliteThread> {
    const thread = new PgliteThread(directory, options)
    await thread.#ask({ kind: 'open' })
    return thread
  }

  private constructor(
    directory: string | null,
    { limits = LIMITS, lock, worker = WORKER }: ThreadOptions = {},
  ) {
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
    this.#worker = new Worker(worker, {
      workerData: { directory },
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    this.#worker.on('message', (reply: Partial<WorkerReply>) => this.#hear(reply))
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

  /** @param ahead is given what there is of the answer while the rest takes long. @returns the rest. */
  async exchange(
    session: Session,
    bytes: Uint8Array,
    ahead: (bytes: Uint8Array) => void = () => {},
  ): Promise<Uint8Array> {
    await this.#turn(session)
    if (this.#left.has(session)) {
      this.#next(session)
      throw new Error('the connection ended while it waited')
    }
    let end: Uint8Array = Buffer.alloc(0)
    const goOn = (piece: Uint8Array) => {
      end = Buffer.concat([end, piece.subarray(-IDLE.length)]).subarray(-IDLE.length)
    }
    const hear = (piece: Uint8Array) => {
      goOn(piece)
      ahead(piece)
    }
    const answer = await this.#ask({ kind: 'exchange', bytes }, hear, session.endless)
    goOn(answer)
    if (IDLE.equals(end)) this.#next(session)
    return answer
  }

  /**
   * Ends a connection: its open transaction is rolled back, and its waiting statements do not begin.
   *
   * @param prepared whether it has named statements, which are then deallocated for the next connection.
   */
  async leave(session: Session, prepared = false): Promise<void> {
    if (this.#left.has(session) || this.#gone !== undefined) return
    this.#left.add(session)
    const forgotten = prepared ? this.exchange({}, DEALLOCATE) : undefined
    await Promise.all([this.#rollback(session), forgotten])
  }

  async #rollback(session: Session): Promise<void> {
    if (this.#owner !== session) return
    await this.#ask({ kind: 'exchange', bytes: ROLLBACK })
    this.#next(session)
  }

  #turn(session: Session): Promise<void> | undefined {
    this.#owner ??= session
    // After a failure the owner never releases the thread.
    if (this.#owner === session || this.#gone !== undefined) return
    return new Promise((admit) => this.#queue.push({ session, admit }))
  }

  #next(after: Session): void {
    if (this.#owner !== after) return
    const next = this.#queue.shift()
    this.#owner = next?.session
    next?.admit()
  }

  async close(): Promise<void> {
    if (this.#gone === undefined) await this.#ask({ kind: 'close' })
    this.#gone ??= new Error('The embedded database is closed')
    this.#watchdog.stop()
    await this.#worker.terminate()
  }

  /** Ends the thread. PGlite cannot be trusted to answer again after it failed once. */
  fail(error: Error): void {
    if (this.#gone !== undefined) return
    this.#gone = error
    this.#watchdog.stop()
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    // They ask, and are told that it is gone.
    for (const { admit } of this.#queue.splice(0)) admit()
    this.#fail(error)
    this.#worker.terminate()
  }

  #hear({ bytes, more }: Partial<WorkerReply>): void {
    // Under --watch Node sends messages of its own on the same port.
    if (bytes === undefined) return
    // Acknowledge nothing in a folder that another process has now; `lost` ends this process.
    if (this.#lock?.confirm() === false) return
    this.#watchdog.heard()
    if (more) this.#waiting[0]?.ahead?.(bytes)
    else {
      this.#waiting.shift()?.resolve(bytes)
      this.#expect()
    }
  }

  #ask(
    request: WorkerRequest,
    ahead?: (bytes: Uint8Array) => void,
    endless = request.kind !== 'exchange',
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone)
      if (this.#lock?.confirm() === false)
        return reject(new Error('this server no longer has the data folder'))
      this.#waiting.push({ resolve, reject, ahead, endless })
      if (this.#waiting.length === 1) this.#expect()
      this.#worker.postMessage(request)
    })
  }

  #expect(): void {
    const [first] = this.#waiting
    if (first === undefined) this.#watchdog.rest()
    else this.#watchdog.expect(first.endless)
  }
}
