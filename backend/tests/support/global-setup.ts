import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '../../../scripts/postgres.ts'
import { openDatabase } from '../../src/database/connect.ts'

let server: PostgresServer | undefined
let folder: string | undefined

/**
 * Runs once before all test files: starts a PostgreSQL for them, unless `TEST_DATABASE_URL` names
 * one whose login may create databases, and makes one embedded database for them to copy.
 */
export async function globalSetup(): Promise<void> {
  if (!process.env.TEST_DATABASE_URL) {
    server = await startPostgres('fsync=off', 'max_connections=200')
    process.env.TEST_DATABASE_URL = server.url
  }
  folder = await mkdtemp(join(tmpdir(), 'todo-tests-'))
  const directory = join(folder, 'made')
  const database = await openDatabase({ database: { kind: 'pglite', directory }, poolMax: 1 })
  await database.close()
  // A copy, so that nothing of the first process is in it.
  await cp(directory, join(folder, 'template'), { recursive: true })
  process.env.TEST_FOLDER = folder
}

export async function globalTeardown(): Promise<void> {
  await server?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
}
