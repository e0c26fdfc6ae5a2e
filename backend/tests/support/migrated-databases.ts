import { cp } from 'node:fs/promises'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { asServerAdmin } from './databases.ts'

/** Makes the folders of two embedded databases, one of them migrated. */
export async function makeEmbedded(empty: string, migrated: string): Promise<void> {
  await (await connectPglite(empty)).close()
  await cp(empty, migrated, { recursive: true })
  const connector = await connectPglite(migrated)
  await migrate(connector)
  await connector.close()
}

/** Makes a migrated PostgreSQL database. */
export async function makePostgres(serverUrl: string, name: string): Promise<void> {
  await asServerAdmin(serverUrl, `create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  await migrate({ direct: { connectionString: url.href } })
}
