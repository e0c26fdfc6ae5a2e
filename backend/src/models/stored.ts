import { type Row, type Sql, sql } from '../database/session.ts'
import type { Column } from './columns.ts'
import { jsonOf, VERSION } from './json.ts'

/** A row of a resource as statements return it. */
export interface Stored {
  readonly id: string
  /** Changes with every change of the row, and only then. */
  readonly version: string
  /** The row as it goes over the wire, written by PostgreSQL. */
  readonly json: string
}

/** @returns the columns of a {@link Stored} as SQL. */
export function storedOf(columns: readonly Column[]): string {
  return `id, ${VERSION} as version, ${jsonOf(columns)} as json`
}

/** Reads {@link storedOf}. @throws {Error} if there is no row. */
export function readStored([id, version, json]: Row): Stored {
  if (typeof id === 'string' && typeof version === 'string' && typeof json === 'string') {
    return { id, version, json }
  }
  throw new Error('The statement returned no row')
}

/**
 * Fails where the account `$1` is deleted, and is null otherwise. Asked only by statements that found
 * nothing, since nothing is left of a deleted account: it costs what is found no more than a branch.
 */
export const REFUSE_DELETED = 'todo.refuse_deleted($1)'

/**
 * False if the account `$1` is deleted and its rows are still being deleted. Every statement on the
 * rows of a user has this condition. The partial index that it reads contains only those accounts.
 */
export const NOT_DELETED =
  'not exists (select 1 from todo.users where id = $1 and deleted_at is not null)'

/**
 * Finds one row, or checks that the account is not deleted. The join returns a row if nothing is found
 * too, so that only then the account is looked at.
 *
 * @param select reads {@link storedOf} of at most one row.
 */
export function findOne(select: string): Sql {
  return sql(
    `select found.*, case when id is null then ${REFUSE_DELETED} end
   from (values (1)) one left join (
     ${select}
   ) found on true`,
  )
}

/** Reads {@link findOne}. */
export function readFound([row]: readonly Row[]): Stored | undefined {
  return row === undefined || row[0] === null ? undefined : readStored(row)
}
