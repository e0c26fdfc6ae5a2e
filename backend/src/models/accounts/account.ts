import { ALL_USERS } from '../../core/token.ts'
import type { AccountStatement } from '../../database/accounts/account-pool.ts'

/** At most `max` attempts in a window, which begins with the first attempt. */
export interface AttemptLimit {
  readonly max: number
  readonly windowSeconds: number
}

export interface Attempts {
  readonly allowed: boolean
  /** The time until the count is reset. */
  readonly resetSeconds: number
}

const COUNT_ATTEMPT = `insert into todo_auth.rate_limit as kept (key, count, resets_at)
   values ($1, 1, now() + make_interval(secs => $3::int))
   on conflict (key) do update set
     count = case when kept.resets_at <= now() then 1 else least(kept.count, $2::int) + 1 end,
     resets_at = case when kept.resets_at <= now() then excluded.resets_at else kept.resets_at end
   returning count <= $2::int, greatest(1, ceil(extract(epoch from resets_at - now())))`

/** Counts one more attempt under a key. It is atomic, so concurrent attempts are all counted. */
export function countAttempt(
  key: string,
  { max, windowSeconds }: AttemptLimit,
): AccountStatement<Attempts> {
  return {
    text: COUNT_ATTEMPT,
    values: [key, max, windowSeconds],
    read: ([row]) => ({ allowed: row?.[0] === 't', resetSeconds: Number(row?.[1]) }),
  }
}

const FORGET_ATTEMPTS = 'delete from todo_auth.rate_limit where key = $1'

export function forgetAttempts(key: string): AccountStatement<void> {
  return { text: FORGET_ATTEMPTS, values: [key], read: () => undefined }
}

const DELETE_ACCOUNT = 'delete from todo_auth."user" where id = $1'

/**
 * Deletes an account with its sessions and its sign-in methods. Its tasks are deleted with it. If there
 * are very many, they are hidden at once, and {@link emptyDeleted} deletes them.
 */
export function deleteAccount(id: string): AccountStatement<void> {
  return { text: DELETE_ACCOUNT, values: [id], read: () => undefined }
}

/** The tasks, and Idempotency-Keys, of one batch: a few milliseconds, also in WebAssembly. */
const BATCH_ROWS = 500
const EMPTY_DELETED = 'select todo_auth.empty_deleted_user($1)'

/** Deletes a batch of the remaining tasks of deleted accounts. @returns whether there may be more. */
export function emptyDeleted(): AccountStatement<boolean> {
  return { text: EMPTY_DELETED, values: [BATCH_ROWS], read: ([row]) => row?.[0] === 't' }
}

const END_SESSIONS = `with ended as (
     delete from todo_auth.session where "userId" = $1 and token is distinct from $2 returning "expiresAt")
   select (select count(*) from ended where "expiresAt" > now()), todo_auth.revoke_tokens($1)`

/**
 * Ends every session of a user, except the one with the token `except`, and revokes the user's tokens.
 *
 * @returns how many of the ended sessions had not expired.
 */
export function endSessions(userId: string, except: string | null): AccountStatement<number> {
  return { text: END_SESSIONS, values: [userId, except], read: ([row]) => Number(row?.[0]) }
}

const TOKEN_TIME = `select ceil(extract(epoch from greatest(
     date_trunc('second', now()), (select max(before) from todo_auth.revocation where user_id in ($1, '${ALL_USERS}')))))
   from todo_auth.session where "userId" = $1 and id = $2`

/**
 * The `iat` of a new token: the time of the database, which the revocations have as well, or the end of the latest
 * revocation, so that the new token is not refused.
 *
 * @returns seconds, or undefined if the session has ended in the meantime.
 */
export function tokenTime(userId: string, sessionId: string): AccountStatement<number | undefined> {
  return {
    text: TOKEN_TIME,
    values: [userId, sessionId],
    read: ([row]) => (row === undefined ? undefined : Number(row[0])),
  }
}

/** Longer than a token for tasks, or the link that changes an address, is valid: 15 minutes, an hour. */
const REVOKED_FOR = `interval '70 minutes'`
const READ_REVOCATIONS = `select user_id, ceil(extract(epoch from before)) from todo_auth.revocation
   where before > now() - ${REVOKED_FOR}`

/** @returns for each user, and for `ALL_USERS`, the time in seconds from which on tokens are accepted. */
export function readRevocations(): AccountStatement<ReadonlyMap<string, number>> {
  return {
    text: READ_REVOCATIONS,
    values: [],
    read: (rows) => new Map(rows.map(([user, before]) => [String(user), Number(before)])),
  }
}

const SWEEP = `with sessions as (delete from todo_auth.session where "expiresAt" < now()),
     verifications as (delete from todo_auth.verification where "expiresAt" < now()),
     revocations as (delete from todo_auth.revocation where before < now() - ${REVOKED_FOR})
   delete from todo_auth.rate_limit where resets_at < now()`

/** Deletes expired sessions, links of mails, counts, and revocations of tokens that have expired. */
export function sweepExpired(): AccountStatement<void> {
  return { text: SWEEP, values: [], read: () => undefined }
}
