import { Worker } from 'node:worker_threads'
import type { WorkerReply, WorkerRequest } from './pglite-worker.ts'

/** ReadyForQuery (PostgreSQL manual §54.7), which ends an answer, with the status "idle". */
const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const ROLLBACK = Buffer.from('Q\0\0\0\rrollback\0')

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: Error) => void
  readonly ahead: ((bytes: Uint8Array) => void) | undefined
}

/** One connection of pg's; PGlite has a single session for all of them. */
export type Session = object

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
  #owner: Session | undefined
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
      if (reply.bytes === undefined) return
      if (reply.more) this.#waiting[0]?.ahead?.(reply.bytes)
      else this.#waiting.shift()?.resolve(reply.bytes)
    })
    this.#worker.on('error', (error) =>
      this.fail(error instanceof Error ? error : new Error(String(error))),
    )
    this.#worker.on('exit', () => this.fail(new Error('The embedded database stopped')))
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
    const answer = await this.#ask({ kind: 'exchange', bytes }, (piece) => {
      goOn(piece)
      ahead(piece)
    })
    goOn(answer)
    if (IDLE.equals(end)) this.#next(session)
    return answer
  }

  /** A connection ends; a transaction it has open is rolled back, and none it waits for begins. */
  async leave(session: Session): Promise<void> {
    this.#left.add(session)
    if (this.#owner !== session || this.#gone !== undefined) return
    await this.#ask({ kind: 'exchange', bytes: ROLLBACK })
    this.#next(session)
  }

  #turn(session: Session): Promise<void> | undefined {
    this.#owner ??= session
    if (this.#owner === session) return
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
    await this.#worker.terminate()
  }

  /** Ends the thread. PGlite cannot be trusted to answer again after it failed once. */
  fail(error: Error): void {
    if (this.#gone !== undefined) return
    this.#gone = error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    // They ask, and are told that it is gone.
    for (const { admit } of this.#queue.splice(0)) admit()
    this.#fail(error)
    this.#worker.terminate()
  }

  #ask(request: WorkerRequest, ahead?: (bytes: Uint8Array) => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone)
      this.#waiting.push({ resolve, reject, ahead })
      this.#worker.postMessage(request)
    })
  }
}
