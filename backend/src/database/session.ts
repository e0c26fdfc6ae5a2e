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

/** One statement with its values, and how its rows are read. Only {@link Database.asUser} runs one. */
export interface Statement<Result> {
  readonly sql: Sql
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/**
 * The one way to a user's rows. There is no method here, and no other export of this folder, that
 * runs a statement outside a user's scope.
 */
export interface Database {
  /** What the operator is told at start: which database, and what it promises. */
  readonly description: string
  /**
   * Runs one statement as one user, in one round trip and one transaction of its own: the role and
   * `app.user_id` are set for this transaction alone, so row level security holds whatever the
   * statement says.
   *
   * @throws {AppError} `service_unavailable` when the database is away, overloaded or too slow.
   */
  asUser<Result>(userId: string, statement: Statement<Result>): Promise<Result>
  /** Resolves when the database answers. @throws {AppError} `service_unavailable` */
  ping(): Promise<void>
  /** Resolves with the reason when the database is gone for good and the process should end. */
  readonly failed: Promise<Error>
  /** Lets statements in flight finish, then closes every connection. */
  close(): Promise<void>
}

/** The role every user's statement runs as. It owns nothing and cannot bypass row level security. */
export const TASK_ROLE = 'todo_user'

/** Sets a parameter; `local`, a condition in SQL, is whether it ends with the transaction. */
const set = (name: string, value: string, local: string) =>
  `pg_catalog.set_config('${name}', '${value}', ${local})`

/**
 * Where names without a schema are looked for: nowhere but in PostgreSQL's own. Other roles may be
 * allowed to create functions and operators in `public` (the rule before PostgreSQL 15), and those
 * would run as our roles and see what is given to them. `pg_temp` is named so that it comes last: left
 * out, it would be first for tables and types. What sets the path is not looked for by it, therefore
 * every name in the scopes has its schema.
 */
export const pinPath = (local: string) => set('search_path', 'pg_catalog, pg_temp', local)

/** How long PostgreSQL lets a statement run, and wait for a lock, before it ends it. */
export const timeLimits = (local: string) =>
  `${set('statement_timeout', String(LIMITS.statementMs), local)}, ${set('lock_timeout', String(LIMITS.lockMs), local)}`

const USER = `${set('role', TASK_ROLE, 'true')}, pg_catalog.set_config('app.user_id', $1, true), $2`

/**
 * Precedes every statement of a user, in the same transaction. All of it is transaction-local, so
 * nothing is left on the connection for the next user. `$2` is the number of the request, and comes
 * back beside the role and the user, for the check of the answer.
 */
export const SCOPE = sql(`select ${USER}`)

/**
 * The same behind a pooler, where a session is shared with others and keeps nothing of ours, the path
 * and the time limits included. They are no startup parameters, which Neon's pooler refuses. A
 * statement that was prepared under another path is analyzed again (PostgreSQL manual, PREPARE).
 */
export const POOLED_SCOPE = sql(`select ${USER}, ${pinPath('true')}, ${timeLimits('true')}`)

const OF_ANOTHER = 'pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4'

/**
 * Sets the path and the time limits for the session, if it is one of our own: `$1` is the process the
 * server named when the connection was opened, and a pooler names one that is none of PostgreSQL's.
 * Otherwise they last for this statement, and leave no trace. It is the first that a session is asked.
 */
export const SESSION_LIMITS = sql(
  `select not (${OF_ANOTHER}) as own, ${pinPath(OF_ANOTHER)}, ${timeLimits(OF_ANOTHER)}`,
)
