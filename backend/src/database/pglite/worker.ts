import { parentPort, workerData } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import type { PgliteCode } from './compile.ts'
import { DurableFiles } from './durable-files.ts'
import { openPglite } from './open-pglite.ts'
import { ownBytes } from './own-bytes.ts'
import { endsIdle, lastBytes } from './ready-for-query.ts'

/** From the server's thread to PGlite's. `bytes` are whole messages of the PostgreSQL protocol. */
export type WorkerRequest =
  | { kind: 'open' }
  | { kind: 'exchange'; bytes: Uint8Array }
  | { kind: 'close' }

/**
 * From PGlite's thread to the server's, for each request in order: any number of parts of the
 * response (`part`), and its end. If the end waits for a sync, `executed` goes ahead of it: the thread can
 * take the next request. The ends that waited for the same sync arrive together.
 */
export type WorkerReply =
  | { kind: 'part'; bytes: Uint8Array }
  | { kind: 'ends'; ends: readonly Uint8Array[] }
  | { kind: 'executed'; idle: boolean }

/** The end of a response, and whether no transaction is open after it. */
interface Executed {
  readonly bytes: Uint8Array
  readonly idle: boolean
}

const NOTHING: Executed = { bytes: new Uint8Array(0), idle: false }

/** The data that thread.ts gives to the thread. */
export interface WorkerData {
  /** The folder of the cluster; null keeps it in memory. */
  readonly directory: string | null
  readonly code: PgliteCode
}

const { directory, code } = workerData as WorkerData
const files = directory === null ? null : new DurableFiles(directory)
const opening = openPglite(files, code)

async function answer(request: WorkerRequest): Promise<Executed> {
  const database = await opening
  switch (request.kind) {
    case 'open':
      return NOTHING
    case 'close':
      await database.close()
      return NOTHING
    case 'exchange':
      // A connection may end after the database is closed.
      return database.closed ? NOTHING : exchange(database, request.bytes)
  }
}

const STARTUP = 0

/** The available part of a response is sent after this; a batch that ends sooner is sent in one piece. */
const AHEAD_MS = 50

/**
 * Executes protocol messages. execProtocolRaw also parses each response and never frees it (PGlite 0.5).
 * It is used only for the startup packet, which has no other way.
 */
async function exchange(database: PGlite, bytes: Uint8Array): Promise<Executed> {
  if (bytes[0] === STARTUP) return { bytes: await database.execProtocolRaw(bytes), idle: false }
  let pieces: Uint8Array[] = []
  let end: Uint8Array = NOTHING.bytes
  let sentMs = performance.now()
  await database.execProtocolRawStream(bytes, {
    onRawData: (piece) => {
      // PGlite uses this memory again.
      pieces.push(piece.slice())
      if (performance.now() - sentMs < AHEAD_MS) return
      files?.flushSync()
      release(held.length)
      const joined = ownBytes(Buffer.concat(pieces))
      end = lastBytes(end, joined)
      post({ kind: 'part', bytes: joined })
      pieces = []
      sentMs = performance.now()
    },
  })
  const rest = pieces.length === 1 && pieces[0] ? pieces[0] : ownBytes(Buffer.concat(pieces))
  return { bytes: rest, idle: endsIdle(lastBytes(end, rest)) }
}

function post(reply: WorkerReply): void {
  parentPort?.postMessage(reply)
}

/** Responses that wait for a sync: of a commit, or behind one, because another user's read may have seen it. */
const held: Uint8Array[] = []
let released = 0

let flushing = false

function reply({ bytes, idle }: Executed): void {
  if (!files?.owed && held.length === 0) post({ kind: 'ends', ends: [bytes] })
  else {
    held.push(bytes)
    post({ kind: 'executed', idle })
    if (!flushing) flush()
  }
}

/** Syncs as long as responses wait. Those that come during a sync share the next one. */
async function flush(): Promise<void> {
  flushing = true
  while (held.length > 0) {
    const last = released + held.length
    await files?.flush()
    release(last - released)
  }
  flushing = false
}

function release(count: number): void {
  const ends = held.splice(0, Math.max(0, count))
  released += ends.length
  if (ends.length > 0) post({ kind: 'ends', ends })
}

/**
 * PGlite has no checkpointer process, so nothing else shortens the log. Besides, a start after a power cut
 * replays all of it.
 */
const CHECKPOINT_BYTES = 32 * 1024 * 1024
const CHECKPOINT = Buffer.from('Q\0\0\0\x0fcheckpoint\0')

async function checkpointIfDue({ idle }: Executed): Promise<void> {
  if (files === null || files.logBytes < CHECKPOINT_BYTES || !idle) return
  files.logBytes = 0
  const database = await opening
  await database.execProtocolRawStream(CHECKPOINT, { onRawData: () => {} })
}

let before: Promise<void> = Promise.resolve()

// One at a time: PGlite's close() does not wait for what is in progress.
parentPort?.on('message', (request: WorkerRequest) => {
  before = before.then(async () => {
    const executed = await answer(request)
    reply(executed)
    await checkpointIfDue(executed)
  })
})
