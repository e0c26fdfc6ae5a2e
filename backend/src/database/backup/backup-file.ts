import { randomUUID } from 'node:crypto'
import { createWriteStream, existsSync, rmSync } from 'node:fs'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Connector } from '../connector.ts'
import { withDirectClient } from '../direct.ts'
import { syncFolder } from '../sync.ts'
import { BackupError } from './format.ts'
import { checkBackup } from './restore-backup.ts'
import { type Counts, type Progress, writeBackup } from './write-backup.ts'

/** The errors of link() on a file system without hard links, such as exFAT and some network folders. */
const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']
const PREMATURE_CLOSE = 'ERR_STREAM_PREMATURE_CLOSE'

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
  assertUsable(file)
  const unfinished = `${file}.unfinished-${randomUUID()}`
  const removeAtExit = () => rmSync(unfinished, { force: true })
  process.once('exit', removeAtExit)
  try {
    const output = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true })
    const zip = createGzip()
    // An error may come while nobody waits for the stream. It rejects, and writing then fails as well.
    const written = pipeline(zip, output)
    written.catch(() => {})
    const counts = await withDirectClient(connector.direct, (client) =>
      writeBackup(client, zip, progress),
    ).catch(async (error) => {
      zip.destroy()
      await written.catch((reason) => {
        if (reason.code !== PREMATURE_CLOSE) throw reason
      })
      throw error
    })
    zip.end()
    await written
    await checkBackup(unfinished)
    await giveName(unfinished, file)
    await syncFolder(dirname(resolve(file)))
    return counts
  } catch (error) {
    throw explain(error, file)
  } finally {
    process.off('exit', removeAtExit)
    await rm(unfinished, { force: true })
  }
}

/**
 * Finds out before the work whether the file can be written.
 *
 * @throws {BackupError}
 */
export function assertUsable(file: string): void {
  if (file === '' || file === '-') {
    throw new BackupError(
      'The backup needs the name of a file: it is read back and checked, which standard output does not allow.',
    )
  }
  if (existsSync(file)) throw exists(file)
  const folder = dirname(resolve(file))
  if (!existsSync(folder)) throw new BackupError(`There is no folder ${folder} for the backup.`)
}

const WRITE_FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
}

/** The message of Node would name the unfinished file, or no file. */
function explain(error: unknown, file: string): unknown {
  const failure = error instanceof Error && 'code' in error && WRITE_FAILURES[String(error.code)]
  if (!failure) return error
  return new BackupError(`The backup ${file} could not be written: ${failure}.`, { cause: error })
}

function exists(file: string): BackupError {
  return new BackupError(`The file ${file} exists already. Give the backup another name.`)
}

/** Unlike a rename, a link never replaces a file that was created meanwhile. */
async function giveName(unfinished: string, file: string): Promise<void> {
  try {
    await link(unfinished, file).catch(async (error) => {
      if (!WITHOUT_LINKS.includes(error.code)) throw error
      // The name is taken by an empty file first, which fails if there is one.
      await (await open(file, 'wx', 0o600)).close()
      await rename(unfinished, file)
    })
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'EEXIST'
      ? exists(file)
      : error
  }
}
