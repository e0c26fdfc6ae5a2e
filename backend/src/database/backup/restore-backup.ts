import type { Client } from 'pg'
import { ALL_USERS } from '../../core/token.ts'
import type { Connector } from '../connector.ts'
import { identifier, inTransaction, removeTimeLimits, withDirectClient } from '../direct.ts'
import { readHistory } from '../migrate/history.ts'
import { migrate, readMigrations } from '../migrate/migrate.ts'
import { actAsOwner, replaceEpoch } from '../migrate/owner.ts'
import { BackupError, type Header } from './format.ts'
import { readBackup } from './read-backup.ts'
import { readHidden, readTables, refuseHiddenRows } from './tables.ts'
import { type Counts, countsOf, type Progress } from './write-backup.ts'

/** Rows of one statement, and their bytes. */
const ROWS_AT_ONCE = 500
const BYTES_AT_ONCE = 1024 * 1024

/**
 * Restores a backup into an empty database, in one transaction, and then brings it to this version.
 *
 * @param header of the file, from `checkBackup`. It reads all of it, so that a damaged file restores nothing.
 * @throws {BackupError} if the file cannot be restored, or the database has rows.
 */
export async function restoreChecked(
  connector: Pick<Connector, 'direct'>,
  file: string,
  header: Header,
  progress: Progress,
): Promise<Counts> {
  const known = await readMigrations()
  const { length } = header.migrations
  const fits = header.migrations.every((name, at) => known[at]?.name === name)
  if (!fits) {
    throw new BackupError(
      `The backup is of a newer version of this server (its last migration is ${header.migrations[length - 1]}). Restore it with that version or a later one.`,
    )
  }
  await withDirectClient(connector.direct, (client) => refuseFilled(client, header))
  // The rows fit the tables of their version; the later migrations then change both.
  await migrate(connector, known.slice(0, length))
  const counts = await withDirectClient(connector.direct, (client) =>
    inTransaction(client, async () => {
      await actAsOwner(client)
      await removeTimeLimits(client)
      await lockEmpty(client, header)
      const restored = await load(client, file, header, progress)
      // A database that was emptied still has the epoch of its former rows.
      await replaceEpoch(client)
      await revokeTokens(client)
      return restored
    }),
  )
  const later = await migrate(connector, known)
  // Before these migrations, the table of revocations may have been missing.
  if (later.length > 0) {
    await withDirectClient(connector.direct, (client) =>
      inTransaction(client, async () => {
        await actAsOwner(client)
        await revokeTokens(client)
      }),
    )
  }
  return counts
}

/** Revokes the tokens of all users, because those that were revoked after the backup must stay revoked. */
async function revokeTokens(client: Client): Promise<void> {
  const { rows } = await client.query(
    `select to_regclass('todo_auth.revocation') is null as missing`,
  )
  if (rows[0]?.missing) return
  await client.query(
    `insert into todo_auth.revocation as kept (user_id, before)
     values ($1, date_trunc('second', clock_timestamp()) + interval '1 s')
     on conflict on constraint revocation_pkey do update set before = excluded.before`,
    [ALL_USERS],
  )
}

/** Reads a backup to its end. @returns its header. @throws {BackupError} */
export async function checkBackup(file: string): Promise<Header> {
  let header: Header | undefined
  for await (const part of readBackup(file)) if (part.kind === 'header') header = part.header
  if (header === undefined) throw new BackupError('The backup is empty.')
  return header
}

/**
 * A database without our tables is empty. Empty tables must not be of a later version than the backup, because the
 * migrations in between have to change its rows.
 */
async function refuseFilled(client: Client, { migrations }: Header): Promise<void> {
  await inTransaction(client, async () => {
    if ((await actAsOwner(client)) === undefined) return
    await checkEmpty(client)
    const later = (await readHistory(client))[migrations.length]
    if (later === undefined) return
    throw new BackupError(
      `The backup is older than the tables of the database, which have the migration ${later.name}. Restore into a database without tables of this server, or a new folder.`,
    )
  })
}

/** @throws {BackupError} if any table has a row. */
async function checkEmpty(client: Client): Promise<void> {
  await client.query(`set local todo.backup = 'on'`)
  const hidden = await readHidden(client)
  for (const { name, sql } of await readTables(client)) {
    // Before the migration of the policy nobody sees the rows, but the table has a size if it has any.
    const { rows } = await client.query(
      hidden.includes(name)
        ? `select where pg_relation_size('${sql}') > 0`
        : `select from ${sql} limit 1`,
    )
    if (rows.length === 0) continue
    throw new BackupError(
      `The database is not empty: ${name} has rows. Restore into an empty database or a new folder.`,
    )
  }
}

/**
 * Keeps others from writing until the end of the transaction, such as another restore or a server, and checks
 * that they have not written yet.
 *
 * @throws {BackupError} also if the backup has tables or columns that this database does not have.
 */
async function lockEmpty(client: Client, header: Header): Promise<void> {
  const tables = await readTables(client)
  await client.query(
    `lock table ${tables.map(({ sql }) => sql).join(', ')} in share row exclusive mode`,
  )
  await refuseHiddenRows(client)
  await checkEmpty(client)
  for (const { table, columns, user_column } of header.tables) {
    const known = tables.find(({ name }) => name === table)
    const fits =
      known?.userColumn === user_column && columns.every((one) => known?.columns.includes(one))
    if (!fits) throw new BackupError(`The backup does not fit the table ${table} of this database.`)
  }
}

async function load(
  client: Client,
  file: string,
  header: Header,
  progress: Progress,
): Promise<Counts> {
  const byTable = new Map<string, number>()
  let batch: Batch | undefined
  let read = 0
  for await (const part of readBackup(file)) {
    if (part.kind === 'header') continue
    if (part.kind === 'end') {
      await batch?.insert(client)
      batch = undefined
      read = 0
      byTable.set(part.table, part.rows)
      progress(part.table, part.rows)
      continue
    }
    const described = header.tables.find(({ table }) => table === part.table)
    if (described === undefined)
      throw new BackupError('The backup is damaged: it has another table.')
    const user = described.user_column === null ? '' : String(part.row[described.user_column])
    if (batch !== undefined && (batch.user !== user || batch.isFull)) {
      await batch.insert(client)
      batch = undefined
      progress(part.table, read)
    }
    read += 1
    batch ??= new Batch(described, user)
    batch.add(part.text)
  }
  return countsOf(byTable)
}

/** Rows of one table and one user. */
class Batch {
  readonly user: string
  readonly #into: string
  readonly #columns: string
  readonly #rows: string[] = []
  #bytes = 0

  constructor({ table, columns }: Header['tables'][number], user: string) {
    this.user = user
    this.#into = table.split('.').map(identifier).join('.')
    this.#columns = columns.map(identifier).join(', ')
  }

  get isFull(): boolean {
    return this.#rows.length >= ROWS_AT_ONCE || this.#bytes >= BYTES_AT_ONCE
  }

  add(row: string): void {
    this.#rows.push(row)
    this.#bytes += row.length
  }

  /** Row-level security holds for the owner too, so each user's rows are inserted as that user. */
  async insert(client: Client): Promise<void> {
    await client.query(`select set_config('app.user_id', $1, true)`, [this.user])
    await client.query(
      `insert into ${this.#into} (${this.#columns})
       select ${this.#columns} from json_populate_recordset(null::${this.#into}, $1::json)`,
      [`[${this.#rows.join(',')}]`],
    )
  }
}
