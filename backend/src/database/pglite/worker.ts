import { parentPort, workerData } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import { openPglite } from './open-pglite.ts'

/** From the server's thread to PGlite's. `bytes` are whole messages of the PostgreSQL protocol. */
export type WorkerRequest =
  | { kind: 'open' }
  | { kind: 'exchange'; bytes: Uint8Array }
  | { kind: 'close' }

/** The answer to one request, in the order they were sent; or a beginning of it. */
export interface WorkerReply {
  bytes: Uint8Array
  more?: true
}

const NOTHING = new Uint8Array(0)

const { directory } = workerData as { directory: string | null } // given by pglite.ts
const opening = openPglite(directory)

async function answer(request: WorkerRequest): Promise<Uint8Array> {
  const database = await opening
  switch (request.kind) {
    case 'open':
      return NOTHING
    case 'close':
      await database.close()
      return NOTHING
    case 'exchange':
      // A connection may say goodbye when the database is closed already.
      return database.closed ? NOTHING : exchange(database, request.bytes)
  }
}

const STARTUP = 0

/** What is there of an answer goes ahead after this; a batch that is done sooner goes in one piece. */
const AHEAD_MS = 50

/**
 * Bytes there, bytes back. Not by execProtocolRaw, which parses each answer besides, and keeps all
 * it has parsed for ever (PGlite 0.5); that is for the startup packet alone, which has no other way.
 */
async function exchange(database: PGlite, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] === STARTUP) return database.execProtocolRaw(bytes)
  let pieces: Uint8Array[] = []
  let sentMs = performance.now()
  await database.execProtocolRawStream(bytes, {
    onRawData: (piece) => {
      // A view of memory that PGlite uses again.
      pieces.push(piece.slice())
      if (performance.now() - sentMs < AHEAD_MS) return
      parentPort?.postMessage({ bytes: Buffer.concat(pieces), more: true } satisfies WorkerReply)
      pieces = []
      sentMs = performance.now()
    },
  })
  return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces)
}

let before: Promise<void> = Promise.resolve()

// One at a time: PGlite's close() does not wait for what is under way.
parentPort?.on('message', (request: WorkerRequest) => {
  before = before.then(async () => {
    const bytes = await answer(request)
    parentPort?.postMessage({ bytes } satisfies WorkerReply)
  })
})
