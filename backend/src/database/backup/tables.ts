import type { Client } from 'pg'
import { identifier } from '../direct.ts'
import { BackupError } from './format.ts'

/** A table of the schemas todo and todo_auth that a backup contains. */
export interface Table {
  /** As in a backup: `todo.tasks`. */
  readonly name: string
  /** The same for statements, with each part quoted. */
  readonly sql: string
  /** The columns that are stored, in order. Generated columns are computed again. */
  readonly columns: readonly string[]
  /** The column that names the user, if row-level security lets each user reach only their own rows. */
  readonly userColumn: string | null
}

/**
 * Tables that a restore begins without. Sessions and codes could have been ended since the backup, tokens of
 * the feed must not outlive a restore, and the migrations write their own history.
 */
const LEFT_OUT = [
  'todo.migrations',
  'todo.feed',
  'todo_auth.session',
  'todo_auth.verification',
  'todo_auth.rate_limit',
  'todo_auth.revocation',
]

const TABLES = `
  select nspname as schema, relname as name, relrowsecurity as walled,
    array(
      select attname::text from pg_attribute
      where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
    ) as columns,
    array(
      select confrelid::regclass::text from pg_constraint
      where conrelid = c.oid and contype = 'f' and confrelid <> c.oid
    ) as needs,
    c.oid::regclass::text as qualified
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where nspname in ('todo', 'todo_auth') and relkind in ('r', 'p') and not relispartition
    and format('%s.%s', nspname, relname) <> all ($1)
  order by nspname, relname`

interface Found {
  readonly schema: string
  readonly name: string
  readonly walled: boolean
  readonly columns: string[]
  readonly needs: string[]
  readonly qualified: string
}

/** @returns the tables of a backup, each after those that its foreign keys refer to. */
export async function readTables(client: Client): Promise<Table[]> {
  const { rows } = await client.query<Found>(TABLES, [LEFT_OUT])
  const ordered: Found[] = []
  const place = (table: Found) => {
    if (ordered.includes(table)) return
    for (const other of rows) if (table.needs.includes(other.qualified)) place(other)
    ordered.push(table)
  }
  for (const table of rows) place(table)
  return ordered.map(({ schema, name, columns, walled }) => ({
    name: `${schema}.${name}`,
    sql: `${identifier(schema)}.${identifier(name)}`,
    columns,
    userColumn: walled ? (columns.includes('user_id') ? 'user_id' : 'id') : null,
  }))
}

/**
 * Tables of a backup of which row-level security hides rows from the current role. The policy `backup` shows them; it is
 * missing before its migration, and after a change of owner or `pg_restore` until the next start.
 */
const HIDDEN = `
  select format('%s.%s', nspname, relname) as name
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where nspname in ('todo', 'todo_auth') and relkind in ('r', 'p') and row_security_active(c.oid)
    and format('%s.%s', nspname, relname) <> all ($1)
    and not exists (
      select from pg_policy
      where polrelid = c.oid and polname = 'backup' and polroles = array[current_user::regrole::oid]
    )
  order by 1`

/** @returns the names of these tables. */
export async function readHidden(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(HIDDEN, [LEFT_OUT])
  return rows.map(({ name }) => name)
}

/** @throws {BackupError} if the current role cannot see all rows, although `todo.backup` is set. */
export async function refuseHiddenRows(client: Client): Promise<void> {
  const [name] = await readHidden(client)
  if (name === undefined) return
  throw new BackupError(
    `The login of DATABASE_URL cannot read all rows of ${name}. Run as the owner of the tables: npm run migrate. Then try again.`,
  )
}
