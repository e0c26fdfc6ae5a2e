import { createHash } from 'node:crypto'
import { LIMITS } from '../core/limits.ts'

/** What a statement may be given: everything travels as text, and null as itself. */
export type Value = string | number | boolean | null

/** A row as PostgreSQL sent it: the text of each column, or null. */
export type Row = readonly (string | null)[]

/** SQL with `$1`-style places, and the name it is prepared under on every connection. */
export interface Sql {
  readonly name: string
  readonly text: string
}

/** Names a statement after its text: another text never finds the prepared statement of this one. */
export function sql(text: string): Sql {
  return { name: `todo_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }
}

/**
 * One statement of a user, and how its rows are read. Only {@link Database.asUser} runs one. `$1` is the
 * user of the scope. It is not among the values, so no statement can name another user there.
 */
export interface Statement<Result> {
  readonly sql: Sql
  /** Of `$2` and the following places. */
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/** One or several statements that run in one transaction. */
export type Asked = Statement<unknown> | readonly Statement<unknown>[]

/** The result of a statement, or of several, each in its place. */
export type Answer<A extends Asked> =
  A extends Statement<infer Result>
    ? Result
    : { -readonly [At in keyof A]: A[At] extends Statement<infer Result> ? Result : never }

/**
 * The one way to a user's rows. There is no method here, and no other export of this folder, that
 * runs a statement outside a user's scope.
 */
export interface Database {
  /** What the operator is told at start: which database, and what it promises. */
  readonly description: string
  /**
   * Runs one or several statements as one user, in one round trip and one transaction of their own: the
   * role and `app.user_id` are set for this transaction alone, so row-level security holds whatever the
   * statements say. Several run in their order. If one fails, PostgreSQL undoes those before it and skips
   * those after it.
   *
   * @throws {AppError} `service_unavailable` when the database is away, overloaded or too slow.
   */
  asUser<const A extends Asked>(userId: string, asked: A): Promise<Answer<A>>
  /** Resolves when the database answers. @throws {AppError} `service_unavailable` */
  ping(): Promise<void>
  /** Resolves with the reason when the database is gone for good and the process should end. */
  readonly failed: Promise<Error>
  /** Lets statements in flight finish, then closes every connection. */
  close(): Promise<void>
}

/** The role every user's statement runs as. It owns nothing and cannot bypass row level security. */
export const TASK_ROLE = 'todo_user'

/** SQL that sets a parameter; `local` is an SQL condition for whether it ends with the transaction. */
const set = (name: string, value: string, local: string) =>
  `pg_catalog.set_config('${name}', '${value}', ${local})`

/**
 * The only schemas in which the server looks up names: none in which another role may create. If
 * `pg_temp` were not named, PostgreSQL would search it first for tables and types, so it is named last
 * (PostgreSQL manual, "Writing SECURITY DEFINER Functions Safely").
 */
export const SEARCH_PATH = 'pg_catalog, pg_temp'

/**
 * SQL that restricts the search path to `pg_catalog`. Other roles may be allowed to create functions and
 * operators in `public` (the default before PostgreSQL 15). Those would run as our roles and see their
 * arguments. The path does not apply yet to the statement that sets it, therefore every name in the
 * scopes is qualified.
 */
export const pinPath = (local: string) => set('search_path', SEARCH_PATH, local)

const lockLimit = (ms: number, local: string) => set('lock_timeout', String(ms), local)

/** How long PostgreSQL lets a statement run, and wait for a lock, before it ends it. */
export const timeLimits = (local: string, lockMs: number = LIMITS.lockMs) =>
  `${set('statement_timeout', String(LIMITS.statementMs), local)}, ${lockLimit(lockMs, local)}`

const USER = `${set('role', TASK_ROLE, 'true')}, pg_catalog.set_config('app.user_id', $1, true), $2`

/** The statements that set a user's scope. */
export interface Scopes {
  /** A statement that waits for a lock fails after `lockBehindMs`, since others wait behind it. */
  readonly behind: Sql
  /** It waits for `lockMs`. Nothing may be sent behind it. */
  readonly patient: Sql
}

/**
 * Precede every statement of a user, in the same transaction. All of it is transaction-local, so
 * nothing is left on the connection for the next user. `$2` is the number of the request. The scope
 * returns it with the role and the user, so that the response can be checked.
 */
export const SCOPES: Scopes = {
  behind: sql(`select ${USER}`),
  patient: sql(`select ${USER}, ${lockLimit(LIMITS.lockMs, 'true')}`),
}

const pooled = (lockMs: number) =>
  sql(`select ${USER}, ${pinPath('true')}, ${timeLimits('true', lockMs)}`)

/**
 * The scopes behind a pooler, where sessions are shared and keep none of our settings, so that they also
 * set the path and the time limits. They are not startup parameters, because Neon's pooler refuses
 * those. PostgreSQL analyzes a statement again that was prepared under another path (manual, PREPARE).
 */
export const POOLED_SCOPES: Scopes = {
  behind: pooled(LIMITS.lockBehindMs),
  patient: pooled(LIMITS.lockMs),
}

/**
 * Whether a pooler shares the session. `$1` is the process id that the server sent when the connection
 * was opened; a pooler sends one that is not PostgreSQL's.
 */
export const OF_ANOTHER = 'pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4'

/**
 * Sets the path and the time limits for the session if no pooler shares it. With a pooler, the settings
 * end with this statement. It is the first statement of a session.
 */
export const SESSION_LIMITS = sql(
  `select not (${OF_ANOTHER}) as own, ${pinPath(OF_ANOTHER)}, ${timeLimits(OF_ANOTHER, LIMITS.lockBehindMs)}`,
)
