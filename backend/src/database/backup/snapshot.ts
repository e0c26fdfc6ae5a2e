import { constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector } from '../connector.ts'
import { withDirectClient } from '../direct.ts'
import { LockedError, takeLock } from '../pglite/lock-file.ts'
import { CLUSTER, connectPglite, hasCluster } from '../pglite/pglite.ts'

const COPY = 'backup-'

/**
 * Copies the embedded database of a running server. The server executes no statement while its files are
 * copied, which takes about as long as the disk needs, or no time on a file system with copies on write.
 * A backup then reads the copy as long as it likes.
 *
 * @param server the connection through the server.
 * @returns the copy, which is removed when it is closed.
 */
export async function openSnapshot(
  directory: string,
  server: Pick<Connector, 'direct'>,
): Promise<Connector> {
  await removeAbandoned(directory)
  const copy = mkdtempSync(join(directory, COPY))
  const remove = () => {
    process.off('exit', removeAtExit)
    rmSync(copy, { recursive: true, force: true })
  }
  const removeAtExit = () => {
    try {
      remove()
    } catch {
      // Its thread may still write there. The next backup removes it.
    }
  }
  process.once('exit', removeAtExit)
  try {
    await withDirectClient(server.direct, async (client) => {
      // Less is left for the transaction, during which other users wait.
      await client.query('checkpoint')
      await client.query('begin')
      try {
        await client.query('checkpoint')
        await cp(join(directory, CLUSTER), join(copy, CLUSTER), {
          ...{ recursive: true, mode: constants.COPYFILE_FICLONE },
        })
      } catch (error) {
        // If the copy has filled the disk, the server needs the space as soon as it goes on.
        remove()
        throw error
      } finally {
        await client.query('rollback')
      }
    })
    const connector = await connectPglite(copy)
    return {
      ...connector,
      close: async () => {
        await connector.close()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** Removes copies of backups that were killed: nobody has their lock. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    const copy = join(directory, name)
    if (!name.startsWith(COPY) || !hasCluster(copy)) continue
    try {
      ;(await takeLock(copy, { times: { patienceMs: 0, stillMs: 0 } })).release()
      rmSync(copy, { recursive: true, force: true })
    } catch (error) {
      if (!(error instanceof LockedError)) throw error
    }
  }
}
