import type { Client } from 'pg'
import { inTransaction } from '../direct.ts'
import { isLockTimeout, sqlState } from '../errors.ts'

/** The schema cannot be migrated to this version. The message says why, and what to do. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

/** An applied migration: a row of `todo.migrations`. */
export interface Applied {
  readonly name: string
  readonly sha256: string
}

/**
 * Whether servers that do not know the migration may use a database that has it. Its name says so, because the
 * name is all that the database keeps of it.
 */
export function isCompatible(name: string): boolean {
  return name.endsWith('.compatible.sql')
}

/** @returns a warning about applied migrations of a newer version, all of them compatible. */
export function describeNewer(names: readonly string[]): string {
  return `The database is of a newer version of this server: it has ${names.join(', ')}, marked as compatible. This version can use it. Its backups can be restored only with the newer version`
}

/** unique_violation, duplicate_schema, duplicate_table: another server created it first. */
const CREATED_MEANWHILE = ['23505', '42P06', '42P07']

/** @returns the applied migrations, oldest first. */
export async function readHistory(client: Client): Promise<Applied[]> {
  const { rows } = await client.query('select name, sha256 from todo.migrations order by name')
  return rows
}

/** Creates the history if it is missing. Several first starts may do so at the same time. */
export async function createHistory(client: Client): Promise<void> {
  try {
    await inTransaction(client, async () => {
      await client.query('create schema if not exists todo')
      await client.query(
        `create table if not exists todo.migrations (
           name text primary key,
           sha256 text not null,
           applied_at timestamptz(3) not null default now()
         )`,
      )
    })
  } catch (error) {
    if (!CREATED_MEANWHILE.includes(sqlState(error) ?? '')) throw error
  }
}

/**
 * Locks `todo.migrations` until the end of the transaction, so that one start migrates at a time. Unlike
 * an advisory lock, only a role with privileges on the table can take it. EXCLUSIVE mode does not block
 * readers, such as a start of the running version or pg_dump.
 *
 * @returns whether it has the lock; false if `lock_timeout` passed first.
 */
export async function lockHistory(client: Client): Promise<boolean> {
  try {
    await client.query('lock table todo.migrations in exclusive mode')
    return true
  } catch (error) {
    if (isLockTimeout(error)) return false
    throw error
  }
}

/** Records an applied migration in `todo.migrations`, in the current transaction. */
export async function appendHistory(client: Client, { name, sha256 }: Applied): Promise<void> {
  await client.query('insert into todo.migrations (name, sha256) values ($1, $2)', [name, sha256])
}
