import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'

/** From the server's thread to PGlite's. `bytes` are whole messages of the PostgreSQL protocol. */
export type WorkerRequest =
  | { kind: 'open' }
  | { kind: 'exchange'; bytes: Uint8Array }
  | { kind: 'close' }

/** The answer to one request, in the order they were sent. */
export interface WorkerReply {
  bytes: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** With PostgreSQL's default buffers (128 MB) the process takes 300 MB and more. */
const SETTINGS = ['shared_buffers=8MB', 'wal_buffers=256kB', 'timezone=UTC']

const { directory } = workerData as { directory: string | null } // given by pglite.ts
const opening = PGlite.create({
  ...(directory === null ? {} : { dataDir: directory }),
  startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
})

async function answer(request: WorkerRequest): Promise<Uint8Array> {
  const database = await opening
  switch (request.kind) {
    case 'open':
      return NOTHING
    case 'close':
      await database.close()
      return NOTHING
    case 'exchange':
      return database.execProtocolRaw(request.bytes)
  }
}

parentPort?.on('message', async (request: WorkerRequest) => {
  const bytes = await answer(request)
  parentPort?.postMessage({ bytes } satisfies WorkerReply)
})
