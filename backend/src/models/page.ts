/** A page of a list, or the first part of one. */
export interface Page {
  /** Rows as JSON, joined by a comma and a line feed; empty without rows. */
  readonly rows: string
  readonly count: number
  /** The key of the row after which the list continues, or null at its end. */
  readonly next: string | null
  /**
   * Whether the statement stopped because it had examined as many rows as it may. The page is then not full,
   * and may be empty; it continues after `next`.
   */
  readonly scanEnded: boolean
}

export interface PageOptions {
  /** The page begins after the row with this key. */
  readonly after?: string | undefined
  /** 1 or more rows. */
  readonly limit: number
  /** The number of rows that the statement examines at most. The default is {@link EXAMINED_ROWS}. */
  readonly examined?: number | undefined
}

/**
 * The number of rows that a statement examines. It takes a few milliseconds, also in WebAssembly, so a filter that
 * matches few rows, or a full trash, delays no other user. The request continues after them with another statement.
 */
export const EXAMINED_ROWS = 500

/** @returns the UUID with these 32 hexadecimal digits. */
export function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A page ends early after the row that brings its JSON to this many bytes. */
export const PAGE_BYTES = 65_536
