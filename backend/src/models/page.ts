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

/** A page ends early after the row that brings its JSON to this many bytes. */
export const PAGE_BYTES = 65_536
