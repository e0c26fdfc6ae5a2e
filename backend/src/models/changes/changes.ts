import { type Row, type Statement, sql } from '../../database/session.ts'
import { DELETED_AT, ID } from '../columns.ts'
import { jsonMembersOf } from '../json.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { hasSpace } from '../tasks/list-sql.ts'
import { STORED_BYTES, TASK_JSON } from '../tasks/sql.ts'
import { type Position, writeToken } from './token.ts'

/** Changes of a user's tasks, in the order of their numbers. */
export interface ChangesPage {
  /** Changes as JSON, joined by a comma and a line feed; empty without changes. */
  readonly changes: string
  /** The position after these changes. */
  readonly token: string
  /** Whether more changes follow. */
  readonly more: boolean
}

/** `expired` if the position is too old, of another epoch, or ahead of the feed. */
export type Changes =
  | { readonly outcome: 'page'; readonly page: ChangesPage }
  | { readonly outcome: 'expired' }

/** A change, and the position after it. */
export interface NumberedChange {
  readonly json: string
  readonly token: string
}

export interface EachChangePage {
  readonly changes: readonly NumberedChange[]
  /** The position after these changes. */
  readonly position: Position
  readonly more: boolean
}

export type EachChange =
  | { readonly outcome: 'page'; readonly page: EachChangePage }
  | { readonly outcome: 'expired' }

/** Tokens are good for 30 days. The purge keeps the rows of deleted tasks for a day longer. */
const TOKEN_MINUTES = 30 * 24 * 60
/** A page ends early after the change that brings its texts to this many bytes. */
const CHANGES_BYTES = 262_144
/** Rows that a page without a token examines at least, although some of them are of deleted tasks. */
const SCANNED_ROWS = 500

const DELETED_JSON = `'{"type":"task",' || ${jsonMembersOf([ID])} || ',"deleted":true,' || ${jsonMembersOf([DELETED_AT])} || '}'`
const CHANGE_JSON = `case when deleted_at is null then '{"type":"task","task":' || ${TASK_JSON} || '}' else ${DELETED_JSON} end`

/**
 * `$2` is the number after which the page begins, `$3` the most changes, `$4` the most rows to examine, `$5`
 * the epoch and `$6` the minute of the token; both are null without a token, and deleted tasks are then left
 * out. One statement reads the counter and the rows, so both are of one snapshot: every statement that took a number
 * up to the counter has committed before it (`takeTurn`).
 */
const PAGE = `with state as materialized (
     select epoch, minute, head, $5::int is not null and ($5 <> epoch or $2::bigint > head or $6::bigint < minute - ${TOKEN_MINUTES}) as expired
     from (
       select epoch, floor(extract(epoch from now()) / 60)::bigint as minute,
         coalesce((select seq from todo.users where id = $1), 0) as head
       from todo.feed
     ) now
   ), scanned as (
     select *, $5 is not null or deleted_at is null as shown from todo.tasks
     where user_id = $1 and seq > $2 and ${NOT_DELETED} and (select not expired from state) order by seq limit $4
   ), page as (
     select seq, shown, case when shown and fits then ${CHANGE_JSON} end as json, fits from (
       select *, ${hasSpace(STORED_BYTES, 'seq', CHANGES_BYTES)}
         and count(*) filter (where shown) over (order by seq rows unbounded preceding) <= $3 as fits
       from scanned
     ) measured
   )`
const STATE = 'epoch, minute, head, expired'
const IS_LAST = 'whole and found < $4'
const CHECK = `case when found = 0 then ${REFUSE_DELETED} end`

/** A page as one text. */
const LIST = sql(
  `${PAGE}
   select ${STATE}, text, last, ${IS_LAST}, ${CHECK}
   from state, (
     select string_agg(json, E',\\n') as text, max(seq) filter (where fits) as last, coalesce(bool_and(fits), true) as whole, count(*) as found
     from page
   ) summed`,
)

/** A page as rows with the number of each change. */
const EACH = sql(
  `${PAGE}
   select ${STATE}, ${IS_LAST}, ${CHECK}, seq, json
   from state cross join (
     select coalesce(bool_and(fits), true) as whole, count(*) as found from page
   ) summed left join page on fits order by seq`,
)

/**
 * Reads the changes of the user's tasks after a position. Each task is there once, as it is now. Everything that was
 * committed before the position was given is behind it, and nothing that commits later is skipped.
 *
 * @param since without it, all tasks that are not deleted.
 * @param limit 1 to 1000 changes.
 */
export function listChanges(since: Position | undefined, limit: number): Statement<Changes> {
  return { sql: LIST, values: valuesOf(since, limit), read: ([row]) => readChanges(row, since) }
}

/** The same, with a token after each change, so that a reader can continue after any of them. */
export function eachChange(since: Position | undefined, limit: number): Statement<EachChange> {
  return { sql: EACH, values: valuesOf(since, limit), read: (rows) => readEach(rows, since) }
}

function valuesOf(since: Position | undefined, limit: number): Statement<unknown>['values'] {
  const rows = since === undefined ? Math.max(limit, SCANNED_ROWS) : limit
  return [since?.seq ?? 0, limit, rows + 1, since?.epoch ?? null, since?.minute ?? null]
}

/** The feed as a statement saw it: where a page ends, and the positions of its changes. */
interface State {
  /** The position after the change with this number, while more follow. */
  readonly after: (seq: string) => Position
  /** The position after all changes. */
  readonly end: Position
}

/**
 * Reads the state in a row. A position before the end of the feed is no younger than the one from which the
 * client came: the row of a deletion in between is kept only as long as a token of that time is good.
 *
 * @returns undefined if the position has expired.
 */
function readState(row: Row | undefined, since: Position | undefined): State | undefined {
  const [epoch, minute, head, expired] = row ?? []
  if (expired !== 't' && expired !== 'f') throw new Error('The statement returned no state')
  if (expired === 't') return undefined
  const now = { epoch: Number(epoch), minute: Number(minute) }
  return {
    after: (seq) => ({ ...now, minute: since?.minute ?? now.minute, seq }),
    end: { ...now, seq: head ?? '0' },
  }
}

function readChanges(row: Row | undefined, since: Position | undefined): Changes {
  const state = readState(row, since)
  if (state === undefined) return { outcome: 'expired' }
  const [, , , , text, last, complete] = row ?? []
  const more = complete !== 't'
  const token = writeToken(more ? state.after(last ?? '0') : state.end)
  return { outcome: 'page', page: { changes: text ?? '', token, more } }
}

function readEach(rows: readonly Row[], since: Position | undefined): EachChange {
  const state = readState(rows[0], since)
  if (state === undefined) return { outcome: 'expired' }
  const changes: NumberedChange[] = []
  for (const [, , , , , , seq, json] of rows) {
    if (json && seq) changes.push({ json, token: writeToken(state.after(seq)) })
  }
  const more = rows[0]?.[4] !== 't'
  const position = more ? state.after(rows.at(-1)?.[6] ?? '0') : state.end
  return { outcome: 'page', page: { changes, position, more } }
}
