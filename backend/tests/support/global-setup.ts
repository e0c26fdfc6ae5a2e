import { randomUUID } from 'node:crypto'
import { accessSync, constants, rmSync, statfsSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgresToBreak } from '../../../scripts/postgres.ts'

/** Linux has a file system in memory here. Containers often have a small one. */
const MEMORY = '/dev/shm'
/** Several times what the tests have there at once. */
const ROOM_BYTES = 3 * 1024 ** 3

let server: PostgresServer | undefined
let template: string | undefined

/**
 * Runs once before all test files: starts a PostgreSQL for them, unless `TEST_DATABASE_URL` names
 * one whose login may create databases, and makes databases for them to copy, unless `TEST_FOLDER`
 * has them: migrating each one would take half of the time of all tests.
 */
export async function globalSetup(): Promise<void> {
  const folder = process.env.TEST_FOLDER
  if (!folder) process.env.TEST_CLUSTER ??= await clusterFolder()
  // Another run has made them, and this one is part of it.
  if (folder) keepCompiled(folder)
  await Promise.all([startPostgres(!folder), folder ? undefined : makeFolder()])
}

/** @param isNew whether the tests need a new database to copy. */
async function startPostgres(isNew: boolean): Promise<void> {
  if (!process.env.TEST_DATABASE_URL) {
    server = await startPostgresToBreak({
      settings: ['fsync=off', 'max_connections=200'],
      folder: await temporaryFolder('todo-tests-postgres-'),
    })
    process.env.TEST_DATABASE_URL = server.url
  }
  if (isNew) process.env.TEST_TEMPLATE = await makeTemplate(process.env.TEST_DATABASE_URL)
}

/** @returns a folder for the data of PostgreSQL servers. PostgreSQL may run as an account that owns nothing else. */
async function clusterFolder(): Promise<string> {
  const folder = await temporaryFolder('todo-tests-clusters-')
  await chmod(folder, 0o755)
  return folder
}

/** Makes the folder of the tests, with the embedded databases that they copy. It is enough without PostgreSQL. */
export async function makeFolder(): Promise<void> {
  const folder = await temporaryFolder('todo-tests-')
  // Making a cluster takes seconds, so it is made once and copied.
  const { makeEmbedded } = await maker()
  await makeEmbedded(join(folder, 'empty'), join(folder, 'migrated'))
  process.env.TEST_FOLDER = folder
  keepCompiled(folder)
}

/**
 * A disk takes several times as long as memory for the thousand files of an embedded database.
 *
 * @returns a new folder, which is removed when this process exits, also without its teardown.
 */
async function temporaryFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(hasMemory() ? MEMORY : tmpdir(), prefix))
  process.on('exit', () => {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // PostgreSQL, which ends by itself then, still writes there, and removes its files.
    }
  })
  return folder
}

function hasMemory(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ROOM_BYTES
  } catch {
    return false
  }
}

/** Each test file and each server loads the same packages, which are compiled once. */
function keepCompiled(folder: string): void {
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled')
}

/** @returns the name of a migrated PostgreSQL database that nobody is connected to. */
async function makeTemplate(serverUrl: string): Promise<string> {
  const name = `template_${randomUUID().replaceAll('-', '')}`
  template = name
  const { makePostgres } = await maker()
  await makePostgres(serverUrl, name)
  return name
}

/** A run that is part of another one makes no database, and does not load the packages for it. */
const maker = () => import('./migrated-databases.ts')

export async function globalTeardown(): Promise<void> {
  const url = process.env.TEST_DATABASE_URL
  if (server === undefined && template !== undefined && url !== undefined) {
    const { asServerAdmin } = await import('./databases.ts')
    await asServerAdmin(url, `drop database if exists ${template} with (force)`)
  }
  await server?.stop()
}
