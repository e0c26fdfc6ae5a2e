import type { DatabaseError } from 'pg'
import { AppError, type ErrorCode, type Fault, unauthorized } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** @returns the 503 for a database that is unreachable, or whose response was lost. The cause is logged. */
export function unavailable(cause: unknown): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' }, cause })
}

/**
 * A response does not belong to the request that waited for it. From then on no response on that
 * connection can be assigned to a request, so the connection is closed.
 */
export class MismatchError extends Error {
  override name = 'MismatchError'

  constructor(reason: string) {
    super(
      `The database's response does not belong to the request: ${reason}. The server closes the connection. Check the pooler or proxy in front of the database`,
    )
  }
}

/**
 * PostgreSQL refused the scope and skipped the statement. No row before the error shows which request it
 * belongs to, so the client receives 503.
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
 * PostgreSQL ended the statement's wait for a lock, so that later statements on the connection continue. It
 * rolled the statement back, so the pool may send it again, with none after it.
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
 * lock_not_available; read_only_sql_transaction, after a failover; foreign_key_violation, if the user is
 * deleted while their task is inserted.
 */
const TRANSIENT_STATES = [LOCK_NOT_AVAILABLE, '25006', '23503']
/** The last one is that of triggers, for a row that does not fit the other rows any more. */
const CONFLICTS = ['23505', '23P01', 'TD409']
/** The SQLSTATE that todo.refuse_deleted raises (0002_accounts.sql). */
const ACCOUNT_DELETED = 'TD401'
/** The SQLSTATE that todo_auth.refuse_disabled raises (0010_disabled_accounts.sql). */
const ACCOUNT_DISABLED = 'TD403'
/** The SQLSTATEs that todo.refuse raises (0007_refuse.sql). */
const MISSING = 'TD404'
const STALE = 'TD412'

/** The SQLSTATEs that todo.make_occurrence raises (0017_triggers.sql). */
const TOO_MANY_COPIES = 'TD413'
const PARENT_FULL = 'TD419'

const CHECK_VIOLATION = '23514'
/** The SQLSTATE that todo.due_at raises (0012_members.sql). */
const UNKNOWN_ZONE = 'TD422'
/** The SQLSTATE that todo.refuse raises for the neighbour of a move, whose member it names (0013_order.sql). */
const NO_NEIGHBOUR = 'TD423'
/** Check constraints that a change can violate because of what the row already has, and their faults. */
const CHECKS: Readonly<Record<string, readonly [path: string, message: string]>> = {
  tasks_due_time_check: ['/due_time', 'must be null if due_date is null'],
  tasks_due_zone_check: ['/due_zone', 'must be null if due_time is null'],
  tasks_recurrence_check: ['/recurrence', 'must be null if due_date is null'],
  tasks_parent_id_check: [
    '/parent_id',
    `must be the id of another task without a parent, and with fewer than ${LIMITS.childrenOfTask} children; a task with children has no parent`,
  ],
  tasks_due_at_check: ['/due_date', 'must give an instant in the years 0001 to 9999'],
}

/** @returns the fault of a row that the database refused because of its values; undefined for other errors. */
function faultOf(error: unknown, state: string): Fault | undefined {
  const { constraint = '', column } = error as { constraint?: string; column?: string } // PostgreSQL names them
  if (state === NO_NEIGHBOUR) {
    return { in: 'body', path: `/${column}`, message: 'must be the id of another task of the user' }
  }
  const found =
    state === UNKNOWN_ZONE
      ? ['/due_zone', 'must be the name of a time zone that the database knows']
      : state === CHECK_VIOLATION && CHECKS[constraint]
  if (!found) return undefined
  const [path = '', message = ''] = found
  return { in: 'body', path, message }
}

/** Notes on PostgreSQL's error which of several statements failed. */
export function noteStatement(error: unknown, at: number): void {
  if (sqlState(error) !== undefined) Object.assign(error as Error, { statement: at }) // has a state
}

function statementOf(error: unknown): { statement?: number } {
  const noted = (error as { statement?: number }).statement // noteStatement
  return noted === undefined ? {} : { statement: noted }
}

/**
 * @returns the problem for a failed statement: 503 for transient states and lost connections, 409 for a
 * violated unique constraint or a row that does not fit the others any more, 422 for members that do not fit
 * together, 401 for a deleted account, 403 for a disabled one, 404 or 412 for one of several statements that finds
 * nothing, and 500 for everything else.
 */
export function fromDatabase(error: unknown): AppError {
  const state = sqlState(error)
  if (state === undefined) return unavailable(error)
  const transient =
    TRANSIENT_CLASSES.includes(state.slice(0, 2)) || TRANSIENT_STATES.includes(state)
  if (transient || isDisagreement(error)) return unavailable(error)
  if (state === ACCOUNT_DELETED) return accountDeleted(error)
  if (state === ACCOUNT_DISABLED) return accountDisabled(error)
  const fault = faultOf(error, state)
  if (fault !== undefined) return invalid(fault, error)
  if (state === TOO_MANY_COPIES || state === PARENT_FULL) return tooManyChildren(error, state)
  return new AppError(codeOf(state), { cause: error, ...statementOf(error) })
}

/** Without the cause, whose text has the values of the row. */
function invalid(fault: Fault, error: unknown): AppError {
  const detail = `${fault.path.slice(1)} ${fault.message}`
  return new AppError('validation_error', { detail, errors: [fault], ...statementOf(error) })
}

function tooManyChildren(cause: unknown, state: string): AppError {
  const { childrenCopied, childrenOfTask } = LIMITS
  return state === TOO_MANY_COPIES
    ? new AppError('payload_too_large', {
        detail: `The next occurrences of these tasks have more than ${childrenCopied} children; complete fewer tasks in one request`,
        cause,
      })
    : new AppError('conflict', {
        detail: `The parent of the recurring task has ${childrenOfTask} children, so its next occurrence has no place; delete some of them first`,
        ...statementOf(cause),
        cause,
      })
}

function accountDeleted(cause: unknown): AppError {
  const description = 'The account of the token has been deleted'
  return unauthorized({ check: 'account', claim: 'sub', description }, { cause })
}

/** The code is the one of Better Auth's admin plugin, which its clients know. */
function accountDisabled(cause: unknown): AppError {
  const detail = 'The operator has disabled this account'
  const reason = { code: 'BANNED_USER', message: detail }
  return new AppError('forbidden', { cause, detail, reason })
}

function codeOf(state: string): ErrorCode {
  if (state === MISSING) return 'not_found'
  if (state === STALE) return 'precondition_failed'
  return CONFLICTS.includes(state) ? 'conflict' : 'internal_error'
}

/** The SQLSTATE with which todo.end_occurrence asks for a date (0016_recurrence.sql). */
const DATE_NEEDED = 'TD303'

/** @returns the facts that a statement asks about before it completes a recurring task, as JSON. */
export function neededFor(error: unknown): string | undefined {
  const cause = error instanceof AppError ? error.cause : undefined
  return sqlState(cause) === DATE_NEEDED ? (cause as DatabaseError).detail : undefined
}

/** The SQLSTATE of a privilege that is missing. */
export const INSUFFICIENT_PRIVILEGE = '42501'

/** @returns the SQLSTATE of an error that PostgreSQL reported; undefined for a lost connection. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof Error && 'severity' in error && 'code' in error) return String(error.code)
  return undefined
}

/** Whether a function of ours has raised it, so that PostgreSQL had parsed and begun the statement. */
export function isOfOurs(error: unknown): boolean {
  return sqlState(error)?.startsWith('TD') === true
}

const DEADLOCK_DETECTED = '40P01'

/** Whether PostgreSQL ended the transaction because of a deadlock. */
export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === DEADLOCK_DETECTED
}

/** @returns PostgreSQL's own error, also for a {@link ScopeError}. */
function underneath(error: unknown): unknown {
  return error instanceof ScopeError ? error.cause : error
}

/** invalid_sql_statement_name, duplicate_prepared_statement. */
const DISAGREED = /^26000$|^42P05$/

/** Whether pg and PostgreSQL disagree about prepared statements. The statement was then not executed. */
export function isDisagreement(error: unknown): boolean {
  return DISAGREED.test(sqlState(underneath(error)) ?? '')
}

/**
 * SQLSTATEs after which a connection cannot be used: PostgreSQL is ending it (57P…), or the server is
 * read-only because it has become a standby.
 */
const ENDING = /^57P|^25006$/

/** Whether the connection must be closed. An error without a SQLSTATE means that it is lost. */
export function isSpent(error: unknown): boolean {
  const state = sqlState(underneath(error))
  return state === undefined || ENDING.test(state) || DISAGREED.test(state)
}
