import type { AccountStatement } from '../../database/accounts/account-pool.ts'
import type { Row } from '../../database/session.ts'

/** An account as the operator sees it. */
export interface ListedAccount {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly emailVerified: boolean
  readonly disabled: boolean
  /** RFC 3339, in UTC. */
  readonly createdAt: string
}

export interface AccountPage {
  /** A part of the e-mail address or of the name, in any case. '' for every account. */
  readonly search: string
  /** The last address of the previous page, or ''. */
  readonly after: string
  readonly limit: number
}

const time = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const LIST_ACCOUNTS = `select id, email, name, "emailVerified", disabled_at is not null, ${time('"createdAt"')}
   from todo_auth."user"
   where email > $1
     and ($2 = '' or position(lower($2) in lower(email)) > 0 or position(lower($2) in lower(name)) > 0)
   order by email limit $3`

/** Lists a page of accounts by e-mail. A search reads the accounts until the page is full. */
export function listAccounts({
  search,
  after,
  limit,
}: AccountPage): AccountStatement<readonly ListedAccount[]> {
  return {
    text: LIST_ACCOUNTS,
    values: [after, search, limit],
    read: (rows) =>
      rows.map(([id, email, name, emailVerified, disabled, createdAt]) => ({
        id: String(id),
        email: String(email),
        name: String(name),
        emailVerified: emailVerified === 't',
        disabled: disabled === 't',
        createdAt: String(createdAt),
      })),
  }
}

const DISABLE = `update todo_auth."user"
   set disabled_at = coalesce(disabled_at, now()), "updatedAt" = now() where id = $1`

/** Disables an account. A trigger ends its sessions, and another one refuses new sessions. */
export function disableAccount(id: string): AccountStatement<void> {
  return { text: DISABLE, values: [id], read: () => undefined }
}

const ENABLE = `update todo_auth."user" set disabled_at = null, "updatedAt" = now() where id = $1`

export function enableAccount(id: string): AccountStatement<void> {
  return { text: ENABLE, values: [id], read: () => undefined }
}

/** A session as the operator sees it: without its token. */
export interface ListedSession {
  readonly id: string
  /** The User-Agent of the sign-in. The client wrote it. */
  readonly device: string | null
  readonly address: string | null
  /** The times are RFC 3339, in UTC. */
  readonly createdAt: string
  readonly renewedAt: string
  readonly expiresAt: string
}

const LIST_SESSIONS = `select id, "userAgent", "ipAddress",
     ${time('"createdAt"')}, ${time('"updatedAt"')}, ${time('"expiresAt"')}
   from todo_auth.session where "userId" = $1 and "expiresAt" > now() order by "createdAt" desc, id`

/** Lists the sessions of an account that have not expired, the newest first. There are at most 50. */
export function listSessions(userId: string): AccountStatement<readonly ListedSession[]> {
  return {
    text: LIST_SESSIONS,
    values: [userId],
    read: (rows: readonly Row[]) =>
      rows.map(([id, device, address, createdAt, renewedAt, expiresAt]) => ({
        id: String(id),
        device: device || null,
        address: address || null,
        createdAt: String(createdAt),
        renewedAt: String(renewedAt),
        expiresAt: String(expiresAt),
      })),
  }
}
