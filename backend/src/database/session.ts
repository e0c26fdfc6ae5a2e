import { createHash } from 'node:crypto'

/** A parameter of a statement. It is sent as text, or as null. */
export type Value = string | number | boolean | null

/** A row as PostgreSQL sent it: the text of each column, or null. */
export type Row = readonly (string | null)[]

/** SQL with parameters such as `$1`, and the name of its prepared statement on every connection. */
export interface Sql {
  readonly name: string
  readonly text: string
  /** Whether it may raise the counter of the user's changes, as every statement that changes tasks does. */
  readonly raises: boolean
}

/** A change takes its number from the row of its user (0011_changes.sql). */
const RAISES = /\b(update|insert into) todo\.users\b/

/** @returns the SQL with a name made from a hash of its text, so that another text has another name. */
export function sql(text: string): Sql {
  const name = `todo_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  return { name, text, raises: RAISES.test(text) }
}

/**
 * One statement of a user, and how its rows are read. Only {@link Database.asUser} runs one. `$1` is the
 * user of the scope. It is not among the values, so no statement can name another user there.
 */
export interface Statement<Result> {
  readonly sql: Sql
  /**
   * Takes its place among several statements: it raises where `sql` finds nothing, so that PostgreSQL
   * undoes the statements before it (`todo.refuse`).
   */
  readonly required?: Sql
  /** The values of `$2`, `$3` and so on. */
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/**
 * As the last of several statements, undoes what the others have changed. Each has its result nevertheless.
 * PostgreSQL logs a warning, because the transaction is an implicit one. An explicit one would remain open on the
 * connection if a statement fails.
 */
export const ROLLBACK: Statement<undefined> = {
  sql: sql('rollback'),
  values: [],
  read: () => undefined,
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
   * statements run in order. If one fails, PostgreSQL rolls back the transaction and skips the rest. Among
   * several, a statement that finds nothing fails as well.
   *
   * @returns the result of each statement.
   * @throws {AppError} `service_unavailable` if the database is unreachable, overloaded or too slow;
   *   `not_found` or `precondition_failed` if one of several finds nothing; otherwise the problem for the
   *   SQLSTATE (`fromDatabase`). Its `statement` is the index of the one that failed.
   * @throws {RangeError} for more than `statementsOfBatch` statements, and for a statement after {@link ROLLBACK},
   *   which ends the scope.
   */
  asUser<const A extends Asked>(userId: string, asked: A): Promise<Answer<A>>
  /** Resolves when the database responds. @throws {AppError} `service_unavailable` */
  ping(): Promise<void>
  /** Resolves with the reason when the database cannot recover, so that the process should end. */
  readonly failed: Promise<Error>
  /** Waits for statements in progress, then closes every connection. */
  close(): Promise<void>
}

/** @returns the database with another way to run statements. */
export function withAsUser(database: Database, asUser: Database['asUser']): Database {
  return {
    description: database.description,
    failed: database.failed,
    asUser,
    ping: () => database.ping(),
    close: () => database.close(),
  }
}

/**
 * @param changed is called with the user when a statement that may change tasks has ended. If it failed, it may
 *   have been committed nevertheless.
 * @returns the database, whose changes are announced.
 */
export function announced(database: Database, changed: (userId: string) => void): Database {
  return withAsUser(database, (userId, asked) => {
    const answer = database.asUser(userId, asked)
    if (raises(asked)) {
      const tell = () => changed(userId)
      answer.then(tell, tell)
    }
    return answer
  })
}

const raises = (asked: Asked): boolean =>
  'sql' in asked
    ? asked.sql.raises
    : asked.some(({ sql }) => sql.raises) && asked.at(-1) !== ROLLBACK

/** The role of every user's statement. It owns nothing and cannot bypass row-level security. */
export const TASK_ROLE = 'todo_user'
