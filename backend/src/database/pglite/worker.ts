import { parentPort, workerData } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import { openPglite } from './open-pglite.ts'

/** A message to PGlite's thread. `bytes` are whole messages of the PostgreSQL protocol. */
export type WorkerRequest =
  | { kind: 'open' }
  | { kind: 'exchange'; bytes: Uint8Array }
  | { kind: 'close' }

/** The response to the oldest request. With `more` it is only a part, and the rest follows. */
export interface WorkerReply {
  bytes: Uint8Array
  more?: true
}

const NOTHING = new Uint8Array(0)

const { directory } = workerData as { directory: string | null } // set by thread.ts
const opening = openPglite(directory)

async function execute(request: WorkerRequest): Promise<Uint8Array> {
  const database = await opening
  switch (request.kind) {
    case 'open':
      return NOTHING
    case 'close':
      await database.close()
      return NOTHING
    case 'exchange':
      // A connection may send Terminate after the database was closed.
      return database.closed ? NOTHING : exchange(database, request.bytes)
  }
}

const STARTUP = 0

/** A response that takes longer than this is sent in parts. */
const PART_MS = 50

/**
 * Executes protocol messages. It uses execProtocolRaw only for the startup packet, which needs it: that
 * function also parses each response and never frees the result (PGlite 0.5).
 */
async function exchange(database: PGlite, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] === STARTUP) return database.execProtocolRaw(bytes)
  let parts: Uint8Array[] = []
  let sentMs = performance.now()
  await database.execProtocolRawStream(bytes, {
    onRawData: (part) => {
      // A copy, because PGlite reuses this memory.
      parts.push(part.slice())
      if (performance.now() - sentMs < PART_MS) return
      parentPort?.postMessage({ bytes: Buffer.concat(parts), more: true } satisfies WorkerReply)
      parts = []
      sentMs = performance.now()
    },
  })
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
}

let previous: Promise<void> = Promise.resolve()

// One at a time, because PGlite's close() does not wait for statements in progress.
parentPort?.on('message', (request: WorkerRequest) => {
  previous = previous.then(async () => {
    const bytes = await execute(request)
    parentPort?.postMessage({ bytes } satisfies WorkerReply)
  })
})
