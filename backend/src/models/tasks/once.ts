import { type Row, type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED, readStored, type Stored } from '../stored.ts'
import { type NewTask, withDefaults } from './columns.ts'
import { withFolded } from './folded.ts'
import {
  ALIVE,
  INSERT_TASK,
  STORED_TASK,
  TASK_COLUMNS,
  takeFirstTurn,
  takeTurn,
  taskWhere,
} from './sql.ts'
import { type Change, isThere, readChange, TAKEN, TOGGLED, type Versions } from './task.ts'

/** Identifies a request that the server executes once. Each user has their own keys. */
export interface IdempotencyKey {
  /** 1 to 255 characters. */
  readonly key: string
  /** A hash of the whole request. Another hash under the same key means another request. */
  readonly requestHash: string
}

/**
 * The outcome of a change that is made once for a key: the outcome of the change; `replayed` with the task of the first
 * response, and the next occurrence that the first request made; `reused` if another request has used the key;
 * `in progress` if the same request has begun and has no response yet.
 */
export type ChangeOnce =
  | Change
  | { readonly outcome: 'replayed'; readonly task: Stored; readonly next: string | undefined }
  | { readonly outcome: 'reused' | 'in progress' }

/**
 * `$1` is the user, `$2` the task's id, `$4` the key, `$5` the hash. One transaction contains the change, its
 * key and its response. If the key exists already, the primary key is violated, which rolls back the change.
 * A request in progress holds an advisory lock, for which others do not wait: `claim` says who has it.
 */
const once = ({ turn, change, otherwise = '' }: Once) =>
  sql(`with kept as (
     select request_hash = $5 as same, answer, next_id from todo.idempotency_keys where user_id = $1 and key = $4 and ${NOT_DELETED}
   ), claim as materialized (
     select not exists (select 1 from kept)
       and pg_try_advisory_xact_lock(hashtextextended($4, hashtextextended($1, 0))) as mine
   ), ${turn}, changed as (${change} returning ${TASK_COLUMNS}
   ), written as materialized (select ${STORED_TASK} from changed
   ), noted as (
     insert into todo.idempotency_keys (user_id, key, request_hash, answer, task_id) select $1, $4, $5, json, id from written
   )
   select 'changed', id, version, json, null from written
   union all select 'replayed', (answer::json ->> 'id')::uuid, answer::json ->> 'updated_at', answer, next_id::text from kept where same
   union all select 'reused', null, null, null, null from kept where not same
   union all select 'in progress', null, null, null, null from claim where not mine and not exists (select 1 from kept)
     and ${REFUSE_DELETED} is null
   union all select 'stale', null, null, null, null from claim where mine and not exists (select 1 from changed)
     and (${otherwise} ${REFUSE_DELETED} is not null)`)

interface Once {
  /** The CTE `turn`, which takes a number if `claim` is mine. */
  readonly turn: string
  readonly change: string
  /** An SQL condition, ending in `or`, for which a change that changed nothing is `stale`. */
  readonly otherwise?: string
}

const IS_MINE = '(select mine from claim)'

const INSERT = once({ turn: takeFirstTurn(IS_MINE), change: INSERT_TASK })

/** Creates a task once for the key. */
export function insertTaskOnce(
  id: string,
  task: NewTask,
  key: IdempotencyKey,
): Statement<ChangeOnce> {
  return { sql: INSERT, values: insertedOnce(id, task, key), read: readOnce }
}

const insertedOnce = (id: string, task: NewTask, { key, requestHash }: IdempotencyKey) => [
  ...[id, withFolded(withDefaults(task)), key, requestHash],
]

/**
 * Nothing is inserted if the user has a task with the id. Without a turn, the triggers do not see the new row either,
 * whose parent may be deleted by now.
 */
const INSERT_AS = once({
  turn: takeFirstTurn(`${IS_MINE} and not ${TAKEN}`),
  change: `${INSERT_TASK} on conflict on constraint tasks_pkey do nothing`,
})

/** Creates a task with an id of the client once for the key. @returns `missing` if the user has a task with the id. */
export function insertTaskOnceAs(
  id: string,
  task: NewTask,
  key: IdempotencyKey,
): Statement<ChangeOnce> {
  return { sql: INSERT_AS, values: insertedOnce(id, task, key), read: readOnce }
}

const AT_VERSION = '($3::timestamptz[] is null or updated_at = any($3))'
const TOGGLE = once({
  turn: takeTurn(`${IS_MINE} and exists (select 1 from ${taskWhere(ALIVE)} and ${AT_VERSION})`),
  change: `update todo.tasks set ${TOGGLED}, seq = next from turn
     where user_id = $1 and id = $2 and ${ALIVE} and ${AT_VERSION}`,
  otherwise: `$3 is not null and ${isThere(ALIVE)} or`,
})

/** Toggles `completed` once for the key. */
export function toggleTaskOnce(
  id: string,
  versions: Versions,
  { key, requestHash }: IdempotencyKey,
): Statement<ChangeOnce> {
  const values = [id, versions ? `{${versions.join()}}` : null, key, requestHash]
  return { sql: TOGGLE, values, read: readOnce }
}

function readOnce(rows: readonly Row[]): ChangeOnce {
  const [outcome, ...task] = rows[0] ?? []
  switch (outcome) {
    case 'replayed':
      return { outcome, task: readStored(task), next: task[3] ?? undefined }
    case 'reused':
    case 'in progress':
      return { outcome }
    default:
      return readChange(rows)
  }
}

const FORGET = sql('select todo.forget_expired_keys($2)')

/** Deletes at most `most` keys of any user that are older than 24 hours. @returns how many. */
export function forgetExpiredKeys(most: number): Statement<number> {
  return { sql: FORGET, values: [most], read: ([row]) => Number(row?.[0]) }
}
