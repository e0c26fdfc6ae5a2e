import { Worker } from 'node:worker_threads'
import type { WorkerReply, WorkerRequest } from './pglite-worker.ts'

/** The thread PGlite runs in. One message at a time: bytes of the protocol there, bytes back. */
export class PgliteThread {
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
