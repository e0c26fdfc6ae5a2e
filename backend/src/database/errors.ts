import { AppError, unauthorized } from '../core/errors.ts'

/** The database could not be asked, or its answer was lost. The cause is for the log. */
export function unavailable(cause: unknown): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' }, cause })
}

/**
 * A response does not belong to the request that waited for it. From then on no response on that
 * connection can be assigned to a request, so the connection is closed.
 */
export class MismatchError extends Error {
  override name = 'MismatchError'

  constructor(what: string) {
    super(
      `The database's response does not belong to the request: ${what}. The server closes the connection. Check the pooler or proxy in front of the database`,
    )
  }
}

/**
 * PostgreSQL refused the scope, and skipped the statement. No row before such an error names its
 * request, so it counts only as a database that is unavailable.
 */
export class ScopeError extends Error {
  override name = 'ScopeError'

  constructor(cause: unknown) {
    super('The scope of a statement could not be set', { cause })
  }
}

/**
 * PostgreSQL certainly did not execute the statement, so it may be sent again on another connection.
 * After a lost connection, or one that was terminated (57P01), that is not certain.
 */
export class UnexecutedError extends Error {
  override name = 'UnexecutedError'

  constructor(cause: unknown) {
    super('The database did not execute the statement', { cause })
  }
}

/**
 * The statement gave up waiting for a lock so that those behind it went on. PostgreSQL rolled it back, so
 * it may be sent again, with nothing behind it.
 */
export class LockedError extends UnexecutedError {
  override name = 'LockedError'
}

/** Whether `lock_timeout` ended the statement. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(underneath(error)) === LOCK_NOT_AVAILABLE
}

/**
 * Whether `idle_session_timeout` ended the session. PostgreSQL checks that timeout only between
 * commands, the last time before it begins a command that it has read (PostgresMain in postgres.c,
 * steps 4 and 5). It therefore did not execute that command, nor any sent behind it.
 */
export function hasIdledOut(error: unknown): boolean {
  return sqlState(underneath(error)) === '57P05'
}

/** SQLSTATE classes (PostgreSQL manual, appendix A) after which the same request may succeed. */
const TRANSIENT_CLASSES = ['08', '40', '53', '57', '58']
const LOCK_NOT_AVAILABLE = '55P03'
/**
 * lock_not_available; read_only_sql_transaction, as a failed-over primary answers;
 * foreign_key_violation, when the user is deleted while a task of theirs is inserted.
 */
const TRANSIENT_STATES = [LOCK_NOT_AVAILABLE, '25006', '23503']
const CONFLICTS = ['23505', '23P01']
/** Of todo.refuse_deleted (0002_accounts.sql). */
const ACCOUNT_DELETED = 'TD401'

/**
 * What a failed statement means to the client: transient states are 503, broken uniqueness is 409,
 * a deleted account is 401, anything else is a fault of ours and 500.
 */
export function fromDatabase(error: unknown): AppError {
  const state = sqlState(error)
  if (state === undefined) return unavailable(error)
  const transient =
    TRANSIENT_CLASSES.includes(state.slice(0, 2)) || TRANSIENT_STATES.includes(state)
  if (transient || isDisagreement(error)) return unavailable(error)
  if (state === ACCOUNT_DELETED) return unauthorized('invalid_token', error)
  return new AppError(CONFLICTS.includes(state) ? 'conflict' : 'internal_error', { cause: error })
}

/** The SQLSTATE of an error PostgreSQL itself reported; undefined for a lost connection. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof Error && 'severity' in error && 'code' in error) return String(error.code)
  return undefined
}

const DEADLOCK_DETECTED = '40P01'

/** Whether PostgreSQL ended the transaction because it and another waited for each other. */
export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === DEADLOCK_DETECTED
}

/** PostgreSQL's own error, of the scope or of the statement. */
function underneath(error: unknown): unknown {
  return error instanceof ScopeError ? error.cause : error
}

/** The prepared statement of a name is not there, or one of that name is there already. */
const DISAGREED = /^26000$|^42P05$/

/** Whether pg and the server disagree on what is prepared; then nothing of the statement was done. */
export function isDisagreement(error: unknown): boolean {
  return DISAGREED.test(sqlState(underneath(error)) ?? '')
}

/**
 * SQLSTATEs after which a connection is of no more use, as it is after a disagreement: the server is
 * ending it (57P…), or it has become a standby.
 */
const SPENT = /^57P|^25006$/

/** Without a state it is not PostgreSQL that spoke: the connection itself is lost. */
export function isSpent(error: unknown): boolean {
  const state = sqlState(underneath(error))
  return state === undefined || SPENT.test(state) || DISAGREED.test(state)
}
