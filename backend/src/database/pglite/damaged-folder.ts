import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The major version of PostgreSQL in PGlite. Only this one can open its clusters. */
export const POSTGRES_MAJOR = '18'

const VERSION = 'PG_VERSION'

/** The embedded database cannot be opened. The message says why, and what is safe to do. */
export class DamagedFolderError extends Error {
  override name = 'DamagedFolderError'

  constructor(directory: string, reason: string) {
    super(
      `The embedded database in ${directory} cannot be opened: ${reason}. Keep a copy of the folder. Then restore a backup into a new folder: DATABASE_URL=pglite:<new folder> npm run restore -- <file> (docs/backup.md)`,
    )
  }
}

/**
 * Refuses a folder that is a cluster itself, such as `database` of a data folder, or the data of a PostgreSQL server.
 * A start would create a new, empty database in it.
 *
 * @throws {Error}
 */
export function refuseCluster(directory: string): void {
  if (!existsSync(join(directory, VERSION)) && !existsSync(join(directory, CONTROL))) return
  throw new Error(
    `DATABASE_URL names ${directory}, which contains the files of a PostgreSQL database itself. Nothing in it was changed. If this server created it, set DATABASE_URL to the folder above it: pglite:${dirname(resolve(directory))}. Otherwise name a new folder, and restore a backup into it: npm run restore -- <file> (docs/backup.md)`,
  )
}

/** Folders of every cluster. */
const FOLDERS = ['base', 'global', 'pg_wal', 'pg_xact']
const CONTROL = 'global/pg_control'
/** The name of a segment of the write-ahead log in `pg_wal`. */
export const SEGMENT = /^[0-9A-F]{24}$/

/**
 * Checks a cluster before PGlite opens it. PGlite gives no reason if parts are missing, and creates a new
 * cluster over one that lacks PG_VERSION.
 *
 * @throws {DamagedFolderError} if a part is missing. @throws {Error} if it is of another version of PostgreSQL.
 */
export function checkCluster(directory: string, cluster: string): void {
  const fault = faultOf(cluster)
  if (fault !== undefined) throw new DamagedFolderError(directory, fault)
  const major = readFileSync(join(cluster, VERSION), 'utf8').trim()
  if (major === POSTGRES_MAJOR) return
  throw new Error(
    `The embedded database in ${directory} was created by PostgreSQL ${major}, and this version of the server contains PostgreSQL ${POSTGRES_MAJOR}. The database in it is unchanged. Run the version that created it, and back up with it: npm run backup -- <file>. Then restore with this version into a new folder: DATABASE_URL=pglite:<new folder> npm run restore -- <file> (docs/backup.md)`,
  )
}

/** @returns a sentence about the first part that is missing. */
function faultOf(cluster: string): string | undefined {
  const find = (name: string) => statSync(join(cluster, name), { throwIfNoEntry: false })
  if (!statSync(cluster).isDirectory()) return `${cluster} is not a folder`
  const missing =
    FOLDERS.find((name) => find(name)?.isDirectory() !== true) ??
    [VERSION, CONTROL].find((name) => find(name)?.isFile() !== true)
  if (missing !== undefined) return `${join(cluster, missing)} is missing`
  if (readFileSync(join(cluster, CONTROL)).every((byte) => byte === 0)) {
    return `${join(cluster, CONTROL)} is empty`
  }
  const log = join(cluster, 'pg_wal')
  const hasSegment = readdirSync(log).some((name) => SEGMENT.test(name))
  return hasSegment ? undefined : `${log} has no segment of the write-ahead log`
}
