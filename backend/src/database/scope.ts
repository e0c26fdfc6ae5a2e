import type { Client } from 'pg'
import { LIMITS } from '../core/limits.ts'
import { type Sql, sql, TASK_ROLE } from './session.ts'

/** SQL that sets a parameter. If the SQL condition `local` is true, it ends with the transaction. */
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

/**
 * How statements of users run on a connection: the statements that set a user's scope before them, and
 * whether the session keeps what it was given.
 *
 * Each of the two precedes every statement of a user, in the same transaction. All of it is
 * transaction-local, so nothing is left on the connection for the next user. `$2` is the number of the
 * request. The scope returns it with the role and the user, so that the response can be checked.
 */
export interface Scope {
  /** A statement that waits for a lock fails after `lockBehindMs`, since others wait behind it. */
  readonly behind: Sql
  /** It waits for `lockMs`. Nothing may be sent behind it. */
  readonly patient: Sql
  /**
   * Whether no one else uses the session. Only then it has what was prepared on the connection, and its
   * end is the end of every statement that was sent to it.
   */
  readonly ownsSession: boolean
}

/** The scope of a session that has the path and the time limits already. */
export const OWN_SESSION: Scope = {
  behind: sql(`select ${USER}`),
  patient: sql(`select ${USER}, ${lockLimit(LIMITS.lockMs, 'true')}`),
  ownsSession: true,
}

const pooled = (lockMs: number) =>
  sql(`select ${USER}, ${pinPath('true')}, ${timeLimits('true', lockMs)}`)

/**
 * The scope behind a pooler, where sessions are shared and keep none of our settings, so that it also
 * sets the path and the time limits. They are not startup parameters, because Neon's pooler refuses
 * those. PostgreSQL analyzes a statement again that was prepared under another path (manual, PREPARE).
 */
export const POOLED: Scope = {
  behind: pooled(LIMITS.lockBehindMs),
  patient: pooled(LIMITS.lockMs),
  ownsSession: false,
}

/**
 * Whether a pooler shares the session. `$1` is the process id that the server sent when the connection
 * was opened; a pooler sends one that is not PostgreSQL's.
 */
export const OF_ANOTHER = 'pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4'

/**
 * One plan for all values of a prepared statement. PostgreSQL would otherwise plan lists with filters for each page, which
 * takes a third of the time of one, although the index of the user is best for every value.
 */
const onePlan = (local: string) => set('plan_cache_mode', 'force_generic_plan', local)

/** SQL that sets all that {@link OWN_SESSION} relies on: the path, the time limits and the kind of plans. */
export const sessionSettings = (local: string) =>
  `${pinPath(local)}, ${timeLimits(local, LIMITS.lockBehindMs)}, ${onePlan(local)}`

/**
 * Sets them for the session if no pooler shares it. With a pooler, the settings end with this statement. It is the first
 * statement of a session.
 */
export const SESSION_LIMITS = sql(
  `select not (${OF_ANOTHER}) as own, ${sessionSettings(OF_ANOTHER)}`,
)

/**
 * Begins the session of a new connection and decides how statements of users run on it. The choice
 * belongs to the connector, because it knows the kind of database.
 *
 * @param timeoutMs how long each query may take.
 * @throws the error of PostgreSQL, for example if the login may not take the role.
 */
export type ScopeChoice = (client: Client, timeoutMs: number) => Promise<Scope>

/** Detects a pooler. The first query also sets what a session of its own keeps. */
export const detectScope: ScopeChoice = async (client, timeoutMs) => {
  const { processID } = client as { processID?: number } // pg's types lack it
  const limit = { query_timeout: timeoutMs }
  const session = { text: SESSION_LIMITS.text, values: [processID ?? 0], ...limit }
  const scope = { text: POOLED.patient.text, values: ['', ''], ...limit }
  // Together, so that the session is not idle in between.
  const [{ rows }] = await Promise.all([
    client.query<{ own: boolean }>(session),
    client.query(scope),
  ])
  return rows[0]?.own ? OWN_SESSION : POOLED
}
