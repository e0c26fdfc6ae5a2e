import { type Row, type Statement, sql } from '../../database/session.ts'
import { LATER, NOT_DELETED, REFUSE_DELETED, TASK_JSON, type TaskJson } from './sql.ts'
import type { Change, NewTask, Versions } from './task.ts'

/** Names what is to be done once. A user's key is no other user's. */
export interface IdempotencyKey {
  /** 1 to 255 characters. */
  readonly key: string
  /** Of all that the request asks for: another hash under the same key is another request. */
  readonly requestHash: string
}

/**
 * The outcome of a change that is made once for a key: that of the change; `replayed` with the task of
 * the first response; `reused` if the key was used for another request; `in flight` if the same request
 * is being carried out now.
 */
export type ChangeOnce =
  | Change
  | { readonly outcome: 'replayed'; readonly json: TaskJson }
  | { readonly outcome: 'reused' | 'in flight' }

/**
 * `$1` is the user, `$2` the key, `$3` the hash. The change, its key and its answer are one
 * transaction, and a key that is there is a primary key's violation, which undoes the change. What
 * is in flight is told by a lock that nobody waits for: `turn` has it, or the key was used before.
 */
const once = ({ first = '', change, otherwise = '' }: Once) =>
  sql(`with kept as (
     select request_hash = $3 as same, answer from todo.idempotency_keys where user_id = $1 and key = $2 and ${NOT_DELETED}
   ), turn as materialized (
     select not exists (select from kept)
       and pg_try_advisory_xact_lock(hashtextextended($2, hashtextextended($1, 0))) as mine
   ), ${first} changed as (${change} returning ${TASK_JSON} as json
   ), noted as (
     insert into todo.idempotency_keys (user_id, key, request_hash, answer) select $1, $2, $3, json from changed
   )
   select 'changed', json from changed
   union all select case when same then 'replayed' else 'reused' end, case when same then answer end from kept
   union all select 'in flight', null from turn where not mine and not exists (select from kept)
   ${otherwise}`)

interface Once {
  /** What precedes the change. */
  readonly first?: string
  readonly change: string
  /** What is told where nothing was changed. */
  readonly otherwise?: string
}

const INSERT = once({
  first: `owner as (
     insert into todo.users (id) select $1 from turn where mine on conflict do nothing
   ),`,
  change: `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
     select $1, $4::uuid, $5, $6, $7::boolean, now(), now() from turn where mine and ${NOT_DELETED}`,
  otherwise: `union all select 'stale', null from turn where mine and not exists (select 1 from changed)
     and ${REFUSE_DELETED} is not null`,
})

/** Makes a task, once for the key. */
export function insertTaskOnce(
  id: string,
  { title, description = null, completed = false }: NewTask,
  { key, requestHash }: IdempotencyKey,
): Statement<ChangeOnce> {
  const values = [key, requestHash, id, title, description, completed]
  return { sql: INSERT, values, read: readOnce }
}

const TOGGLE = once({
  change: `update todo.tasks set completed = not completed, updated_at = ${LATER}
     where user_id = $1 and id = $4 and ($5::timestamptz[] is null or updated_at = any($5))
       and (select mine from turn) and ${NOT_DELETED}`,
  otherwise: `union all select 'stale', null from turn where mine and not exists (select from changed)
     and ($5 is not null and exists (select 1 from todo.tasks where user_id = $1 and id = $4 and ${NOT_DELETED} for key share)
       or ${REFUSE_DELETED} is not null)`,
})

/** Flips `completed`, once for the key. */
export function toggleTaskOnce(
  id: string,
  versions: Versions,
  { key, requestHash }: IdempotencyKey,
): Statement<ChangeOnce> {
  const values = [key, requestHash, id, versions ? `{${versions.join()}}` : null]
  return { sql: TOGGLE, values, read: readOnce }
}

function readOnce([row]: readonly Row[]): ChangeOnce {
  const [outcome, json] = row ?? []
  switch (outcome) {
    case undefined:
      return { outcome: 'missing' }
    case 'changed':
    case 'replayed':
      return { outcome, json: String(json) }
    case 'reused':
    case 'in flight':
    case 'stale':
      return { outcome }
    default:
      throw new Error(`The statement returned an unknown outcome: ${outcome}`)
  }
}

const FORGET = sql('select todo.forget_expired_keys($2)')

/** Forgets keys older than 24 hours, of whomever, so many at most. Tells how many it were. */
export function forgetExpiredKeys(most: number): Statement<number> {
  return { sql: FORGET, values: [most], read: ([row]) => Number(row?.[0]) }
}
