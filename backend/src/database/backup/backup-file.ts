import { randomUUID } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { link, open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Connector } from '../connector.ts'
import { withDirectClient } from '../direct.ts'
import { BackupError } from './format.ts'
import { checkBackup } from './restore-backup.ts'
import { type Counts, type Progress, writeBackup } from './write-backup.ts'

/**
 * Writes a backup of the database to a new file, which only its owner can read. The file has its name
 * only when it is complete, on disk, and was read back and checked.
 *
 * @throws {BackupError} if the file exists already.
 */
export async function backUp(
  connector: Pick<Connector, 'direct'>,
  file: string,
  progress: Progress,
): Promise<Counts> {
  if (existsSync(file)) throw exists(file)
  const unfinished = `${file}.unfinished-${randomUUID()}`
  try {
    const output = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true })
    const zip = createGzip()
    zip.pipe(output)
    output.on('error', (error) => zip.destroy(error))
    const counts = await withDirectClient(connector.direct, (client) =>
      writeBackup(client, zip, progress),
    )
    zip.end()
    await finished(output)
    await checkBackup(unfinished)
    // Unlike a rename, a link never replaces a file that was created meanwhile.
    await link(unfinished, file).catch((error) => {
      throw error.code === 'EEXIST' ? exists(file) : error
    })
    await syncFolder(dirname(resolve(file)))
    return counts
  } finally {
    await rm(unfinished, { force: true })
  }
}

function exists(file: string): BackupError {
  return new BackupError(`The file ${file} exists already. Give the backup another name.`)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
