import { randomUUID } from 'node:crypto'
import { LIMITS } from '../../core/limits.ts'
import { ROLLBACK, type Row, type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED, type Stored } from '../stored.ts'
import { insertTasks } from './creations.ts'
import type { ResponseKeys } from './occurrence.ts'
import type { IdempotencyKey } from './once.ts'
import type { Creation, Part } from './sql.ts'
import type { Change, Insertion } from './task.ts'

/**
 * Locks the user before anything else, so that concurrent requests of the user wait: every later statement sees the
 * tasks and keys as they will be at the end, except for its own changes.
 */
const LOCK = sql(
  `with locked as (
     insert into todo.users as u (id) select $1 where ${NOT_DELETED}
     on conflict (id) do update set seq = u.seq where u.deleted_at is null returning 1
   )
   select case when not exists (select 1 from locked) then ${REFUSE_DELETED} end`,
)

/**
 * The response to a batch is stored in a row of its key, and in one more row for each task in it, under a key that no
 * client can choose. `$2` is the key, `$3` the hash of the request, `$4` the beginning of the other keys as JSON.
 */
const CLAIM = sql(
  `with claim as materialized (
     select not exists (select 1 from todo.idempotency_keys where user_id = $1 and key = $2)
       and pg_try_advisory_xact_lock(hashtextextended($2, hashtextextended($1, 0))) as mine
   ), kept as (
     insert into todo.idempotency_keys (user_id, key, request_hash, answer) select $1, $2, $3, $4 from claim where mine
   )
   select todo.refuse('claimed') from claim where not mine`,
)

/** `$2` and `$3` enclose the keys of the notes, `$4` is the maximum of their bytes. */
const MEASURE = sql(
  `select todo.refuse('large') from (
     select sum(octet_length(answer)) as bytes from todo.idempotency_keys where user_id = $1 and key >= $2 and key < $3
   ) noted where bytes > $4::bigint`,
)

/** A slash precedes a zero in the collation of the column. */
const FIND = sql(
  `with claimed as (
     select request_hash, answer::json #>> '{}' as notes from todo.idempotency_keys
     where user_id = $1 and key = $2 and ${NOT_DELETED}
   )
   select null, request_hash, null, null, null, null from claimed
   union all
   select key, request_hash, answer::json ->> 'id', answer::json ->> 'updated_at', answer, next_id::text
   from todo.idempotency_keys where user_id = $1
     and key >= (select notes || '/' from claimed) and key < (select notes || '0' from claimed)
   union all
   select null, null, null, null, null, null where not exists (select 1 from claimed) and ${REFUSE_DELETED} is not null`,
)

/** @returns the beginning of the keys of a batch's notes. No idempotency key of a client has this character. */
const notesOfBatch = () => `§${randomUUID()}`

/** The statements of an operation. The result of the first is that of the operation. */
export type Operation = readonly [Part<Insertion>, ...Statement<Change>[]]

type Outcomes = Insertion | readonly Insertion[] | undefined

/** The statements of a batch, as `asUser` takes them. */
export interface Batch {
  readonly statements: readonly Statement<Outcomes>[]
  /** @returns the index of the operation to which a statement belongs; undefined for the others. */
  readonly operationAt: (statement: number) => number | undefined
  /** Whether a statement creates the tasks of several operations. */
  readonly isJoined: (statement: number) => boolean
  /** The statement that fails if the response is too large to store. */
  readonly measureAt: number | undefined
  /** The statement that fails if the key was used. */
  readonly claimAt: number | undefined
  /** The keys under which the response is stored. */
  readonly keys: ResponseKeys | undefined
  /** @returns the outcome of each operation. */
  readonly outcomes: (results: readonly Outcomes[]) => readonly Insertion[]
}

/**
 * How creations that follow each other are done: by one statement, which takes a sixth of the time; or `alone`, by a
 * statement each, which finds the one that fails.
 */
export type Creations = 'joined' | 'alone'

const nothing = () => undefined
const LOCKED: Statement<undefined> = { sql: LOCK, values: [], read: nothing }

/**
 * @param key makes the batch once. Its response is stored.
 * @returns the statements of a batch that is done as a whole or not at all.
 */
export function batchOnce(
  operations: readonly Operation[],
  key?: IdempotencyKey,
  creations: Creations = 'joined',
): Batch {
  if (key === undefined) {
    return { ...batchOf([LOCKED], stepsOf(operations, creations), []), keys: undefined }
  }
  const notes = notesOfBatch()
  const keys: ResponseKeys = [`${notes}/`, `${notes}0`]
  const claim = [key.key, key.requestHash, JSON.stringify(notes)]
  const before = [LOCKED, { sql: CLAIM, values: claim, read: nothing }]
  const after = [{ sql: MEASURE, values: [...keys, LIMITS.batchStoredBytes], read: nothing }]
  return { ...batchOf(before, stepsOf(operations, creations, `${notes}/`), after), keys }
}

/** @returns the statements of a batch that changes nothing, with the results of one that does. */
export function batchUndone(
  operations: readonly Operation[],
  creations: Creations = 'joined',
): Batch {
  return { ...batchOf([LOCKED], stepsOf(operations, creations), [ROLLBACK]), keys: undefined }
}

/** Statements that belong to one operation, or to several that are done by one statement. */
interface Step {
  /** The index of the first operation. */
  readonly at: number
  readonly statements: readonly [Statement<Outcomes>, ...Statement<Change>[]]
  readonly isJoined: boolean
}

/** @param prefix of the keys of the notes, if there are notes. */
function stepsOf(
  operations: readonly Operation[],
  creations: Creations,
  prefix?: string,
): readonly Step[] {
  const steps: Step[] = []
  for (let at = 0; at < operations.length; ) {
    const run = creations === 'joined' ? creationsAt(operations, at) : []
    if (run.length > 1) {
      const note = prefix === undefined ? undefined : { prefix, from: at }
      steps.push({ at, statements: [insertTasks(run, note)], isJoined: true })
      at += run.length
      continue
    }
    const [part, ...rest] = operations[at] as Operation // there is one
    const noted = prefix === undefined ? part : withNote(part, `${prefix}${at}`)
    steps.push({ at, statements: [noted, ...rest], isJoined: false })
    at += 1
  }
  return steps
}

/** @returns the tasks that the operations from `at` on create, up to the first operation of another kind. */
function creationsAt(operations: readonly Operation[], at: number): readonly Creation[] {
  const run: Creation[] = []
  for (const [{ creation }] of operations.slice(at)) {
    if (creation === undefined) break
    run.push(creation)
  }
  return run
}

function withNote(part: Part<Insertion>, key: string): Part<Insertion> {
  return { ...part, required: part.noted, values: [...part.values, key] }
}

function batchOf(
  before: readonly Statement<undefined>[],
  steps: readonly Step[],
  after: readonly Statement<undefined>[],
): Omit<Batch, 'keys'> {
  const owners = steps.flatMap((step) => step.statements.map(() => step))
  const ownerOf = (statement: number) => owners[statement - before.length]
  const isNoted = before.length > 1
  return {
    statements: [...before, ...steps.flatMap(({ statements }) => statements), ...after],
    operationAt: (statement) => ownerOf(statement)?.at,
    isJoined: (statement) => ownerOf(statement)?.isJoined === true,
    claimAt: isNoted ? 1 : undefined,
    measureAt: isNoted ? before.length + owners.length : undefined,
    outcomes: (results) =>
      steps.flatMap((step) => {
        const outcome = results[before.length + owners.indexOf(step)]
        if (outcome === undefined) throw new Error('An operation has no outcome')
        return outcome
      }),
  }
}

/** The stored response to a batch: the note of each operation that has a task. */
export interface StoredBatch {
  readonly requestHash: string
  readonly notes: ReadonlyMap<number, Note>
}

interface Note {
  readonly outcome: 'changed' | 'present'
  readonly task: Stored
  /** The next occurrence of the task that the batch made. */
  readonly next: string | undefined
}

/** Finds the response that was stored under a key. @returns a statement; undefined if no request has used the key. */
export function findBatch(key: string): Statement<StoredBatch | undefined> {
  return { sql: FIND, values: [key], read: readBatch }
}

function readBatch(rows: readonly Row[]): StoredBatch | undefined {
  const notes: Map<number, Note> = new Map()
  let requestHash: string | undefined
  for (const [key, hash, id, version, json, next] of rows) {
    if (typeof hash !== 'string') continue
    if (typeof key !== 'string') requestHash = hash
    else if (id && version && json) {
      const outcome = hash === 'present' ? 'present' : 'changed'
      notes.set(Number(key.slice(key.lastIndexOf('/') + 1)), {
        outcome,
        task: { id, version, json },
        next: next ?? undefined,
      })
    }
  }
  return requestHash === undefined ? undefined : { requestHash, notes }
}
