/**
 * The format of a backup: gzip (RFC 1952) of lines of JSON, each ended by a line feed.
 *
 * 1. A {@link Header}.
 * 2. For each table, in an order in which it can be restored: `{"table":"todo.tasks"}`, then its rows, one a
 *    line, as PostgreSQL's `row_to_json` writes them, ordered by user, then `{"end":"todo.tasks","rows":2}`.
 * 3. A {@link Footer}.
 */
export const FORMAT = 'todo-backend-backup'
export const FORMAT_VERSION = 1

export interface Header {
  readonly format: typeof FORMAT
  readonly version: number
  /** When the snapshot was taken, by the clock of the database: an ISO 8601 instant. */
  readonly taken_at: string
  /** The applied migrations, oldest first. */
  readonly migrations: readonly string[]
  readonly tables: readonly {
    readonly table: string
    readonly columns: readonly string[]
    readonly user_column: string | null
  }[]
}

export interface TableStart {
  readonly table: string
}

export interface TableEnd {
  readonly end: string
  readonly rows: number
}

export interface Footer {
  readonly end: typeof FORMAT
  readonly rows: number
  /** Of all bytes before this line, in hexadecimal. */
  readonly sha256: string
}

/** The file is damaged, incomplete, or no backup. The message says which. */
export class BackupError extends Error {
  override name = 'BackupError'
}
