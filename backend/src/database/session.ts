import { createHash } from 'node:crypto'
import { LIMITS } from '../core/limits.ts'

/** A parameter of a statement. It is sent as text, or as null. */
export type Value = string | number | boolean | null

/** A row as PostgreSQL sent it: the text of each column, or null. */
export type Row = readonly (string | null)[]

/** SQL with parameters such as `$1`, and the name of its prepared statement on every connection. */
export interface Sql {
  readonly name: string
  readonly text: string
}

/** @returns the SQL with a name made from a hash of its text, so that another text has another name. */
export function sql(text: string): Sql {
  return { name: `todo_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }
}

/**
 * One statement of a user, and how its rows are read. Only {@link Database.asUser} runs one. `$1` is the
 * user of the scope. It is not among the values, so no statement can name another user there.
 */
export interface Statement<Result> {
  readonly sql: Sql
  /** The values of `$2`, `$3` and so on. */
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/** One or several statements that run in one transaction. */
export type Asked = Statement<unknown> | readonly Statement<unknown>[]

/** The result of one statement, or a tuple with the result of each. */
export type Answer<A extends Asked> =
  A extends Statement<infer Result>
    ? Result
    : { -readonly [At in keyof A]: A[At] extends Statement<infer Result> ? Result : never }

/**
 * The only access to users' rows. Neither this interface nor any other export of this folder runs a task
 * statement outside a user's scope.
 */
export interface Database {
  /** Printed at start: the database, and the durability that it provides. */
  readonly description: string
  /**
   * Runs one or several statements as one user, in one round trip and one transaction. The role and
   * `app.user_id` are set only for this transaction, so row-level security applies to every statement. The
   * statements run in order. If one fails, PostgreSQL rolls back the transaction and skips the rest.
   *
   * @returns the result of each statement.
   * @throws {AppError} `service_unavailable` if the database is unreachable, overloaded or too slow;
   *   otherwise the problem for the SQLSTATE (`fromDatabase`).
   */
  asUser<const A extends Asked>(userId: string, asked: A): Promise<Answer<A>>
  /** Resolves when the database responds. @throws {AppError} `service_unavailable` */
  ping(): Promise<void>
  /** Resolves with the reason when the database cannot recover, so that the process should end. */
  readonly failed: Promise<Error>
  /** Waits for statements in progress, then closes every connection. */
  close(): Promise<void>
}

/** The role of every user's statement. It owns nothing and cannot bypass row-level security. */
export const TASK_ROLE = 'todo_user'

/** SQL that sets a parameter. If the SQL condition `local` is true, it ends with the transaction. */
const set = (name: string, value: string, local: string) =>
  `pg_catalog.set_config('${name}', '${value}', ${local})`

/**
 * The only schemas in which PostgreSQL looks up our names. No other role may create objects in them. If
 * `pg_temp` were absent, PostgreSQL would search it first for tables and types, so it comes last
 * (PostgreSQL manual, "Writing SECURITY DEFINER Functions Safely").
 */
export const SEARCH_PATH = 'pg_catalog, pg_temp'

/**
 * SQL that restricts the search path to `pg_catalog`. Other roles may be allowed to create functions and
 * operators in `public` (the default before PostgreSQL 15), which would run as our roles. The path does not
 * apply yet to the statement that sets it, so every name in the scopes is qualified.
 */
export const pinPath = (local: string) => set('search_path', SEARCH_PATH, local)

const lockLimit = (ms: number, local: string) => set('lock_timeout', String(ms), local)

/** How long PostgreSQL lets a statement run, and wait for a lock, before it ends it. */
export const timeLimits = (local: string, lockMs: number = LIMITS.lockMs) =>
  `${set('statement_timeout', String(LIMITS.statementMs), local)}, ${lockLimit(lockMs, local)}`

const USER = `${set('role', TASK_ROLE, 'true')}, pg_catalog.set_config('app.user_id', $1, true), $2`

/** The statements that set a user's scope. */
export interface Scopes {
  /** A statement waits for a lock for `lockBehindMs`, because other statements may wait after it. */
  readonly behind: Sql
  /** A statement waits for a lock for `lockMs`. No statement may be pipelined after it. */
  readonly patient: Sql
}

/**
 * Set the role and the user before every statement of a user, in the same transaction. The settings end with
 * the transaction, so the next user does not inherit them. `$2` is the number of the request. The scope
 * returns it with the role and the user, so that the server can check the response.
 */
export const SCOPES: Scopes = {
  behind: sql(`select ${USER}`),
  patient: sql(`select ${USER}, ${lockLimit(LIMITS.lockMs, 'true')}`),
}

const pooled = (lockMs: number) =>
  sql(`select ${USER}, ${pinPath('true')}, ${timeLimits('true', lockMs)}`)

/**
 * The scopes behind a pooler. Sessions are shared there and keep no settings, so these scopes also set the
 * path and the time limits. Startup parameters do not work, because Neon's pooler refuses them. PostgreSQL
 * analyzes a prepared statement again after the path has changed (manual, PREPARE).
 */
export const POOLED_SCOPES: Scopes = {
  behind: pooled(LIMITS.lockBehindMs),
  patient: pooled(LIMITS.lockMs),
}

/**
 * SQL that is true if a pooler shares the session. `$1` is the process id that the client received when it
 * connected; a pooler sends one that is not PostgreSQL's.
 */
export const OF_ANOTHER = 'pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4'

/**
 * Sets the path and the time limits for the session if no pooler shares it. With a pooler, the settings
 * end with this statement. It is the first statement of a session.
 */
export const SESSION_LIMITS = sql(
  `select not (${OF_ANOTHER}) as own, ${pinPath(OF_ANOTHER)}, ${timeLimits(OF_ANOTHER, LIMITS.lockBehindMs)}`,
)
