import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withDirectClient } from '../../../backend/src/database/direct.ts'
import { connectPglite } from '../../../backend/src/database/pglite/pglite.ts'
import { readTruth } from '../check/truth.ts'
import type { Scene } from '../fault.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import type { SmallDisk } from './small-disk.ts'

/** A server on the embedded database. */
export interface Embedded extends Scene {
  /** The folder of the servers' data and logs. */
  readonly folder: string
  /** The server's DATABASE_URL. */
  readonly url: string
  /** Starts another server after one has ended. */
  startAgain(): Promise<void>
}

export async function openEmbedded(disk?: SmallDisk): Promise<Embedded> {
  const folder = mkdtempSync(join(tmpdir(), 'todo-faults-'))
  const data = join(disk?.folder ?? folder, 'embedded')
  const url = `pglite:${data}`
  const start = () => startServer({ folder, settings: { DATABASE_URL: url } })
  let server: ServerProcess = await start()
  const stop = async () => {
    server.kill('SIGTERM')
    await server.ended
  }
  return {
    folder,
    url,
    requestsPerSecond: 120,
    mostSessions: 0,
    get server() {
      return server
    },
    sessions: async () => 0,
    // Only one process at a time can use the folder.
    truth: async (prefix) => {
      await stop()
      const connector = await connectPglite(data)
      try {
        return await withDirectClient(connector.direct, (client) => readTruth(client, prefix))
      } finally {
        await connector.close()
        server = await start()
      }
    },
    startAgain: async () => {
      server = await start()
    },
    close: async () => {
      await stop()
      rmSync(folder, { recursive: true })
    },
  }
}
