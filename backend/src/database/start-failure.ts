import { ChannelBindingError } from './database-client.ts'
import { fromDatabase, sqlState } from './errors.ts'

/** Why the server could not use its database at start. */
export interface StartFailure {
  /** The state of the database, printed before the reason: "The database is unreachable". */
  readonly state: string
  /** The message of PostgreSQL or the network. */
  readonly reason: string
  readonly advice: string
  /** Whether it may be temporary, so that the server tries again. */
  readonly isTemporary: boolean
  readonly cause: unknown
}

type Known = Pick<StartFailure, 'state' | 'advice'>

export const UNREACHABLE = 'The database is unreachable'
const CHECK = 'Check DATABASE_URL, and that PostgreSQL is running.'

/** SQLSTATEs of temporary failures, such as a failover (PostgreSQL manual, appendix A). */
const TEMPORARY: Readonly<Record<string, Known>> = {
  '53100': {
    state: 'The disk of the database is full',
    advice: 'Give the database more disk space.',
  },
  '53300': {
    state: 'The database has no connection left',
    advice:
      'Raise max_connections or the limit of the login or database, or lower DATABASE_POOL_MAX.',
  },
  '57P03': {
    state: 'The database does not accept connections yet',
    advice: 'Wait until it has started, or check its log.',
  },
}

const READ_ONLY = '25006'
const READ_ONLY_DATABASE: Known = {
  state: 'The database is read-only',
  advice:
    'Set DATABASE_URL to the primary. If it is the primary, reset default_transaction_read_only, which some hosts set on a full disk.',
}

/** The codes of Node and OpenSSL for failures of TLS, such as a certificate that cannot be verified. */
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|UNABLE_TO_|ERROR_IN_CERT|DEPTH_ZERO|SELF_SIGNED|HOSTNAME|INVALID_)/
const WITHOUT_TLS = /does not support SSL/
/** Errors of pg before PostgreSQL has checked the password, such as a missing password. */
const PASSWORD = /^SASL: |password must be/

/** @returns the advice for a failure of TLS; undefined for other failures. */
function tlsAdvice(error: unknown, reason: string): string | undefined {
  const { code = '' } = (error ?? {}) as { code?: unknown } // any error, or a plain object of pg
  if (error instanceof ChannelBindingError) {
    return 'Create the password of the login with password_encryption=scram-sha-256, and connect to PostgreSQL itself over TLS, or leave channel_binding out of DATABASE_URL.'
  }
  if (WITHOUT_TLS.test(reason)) {
    return 'Enable TLS on the server (ssl = on), or set sslmode=prefer or disable in DATABASE_URL.'
  }
  if (typeof code !== 'string' || !TLS_CODE.test(code)) return undefined
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Set the host in DATABASE_URL to a name in the certificate, or set sslmode=verify-ca with sslrootcert.'
  }
  return /^ERR_(SSL|OSSL)/.test(code)
    ? 'Check sslcert, sslkey and ssl_min_protocol_version in DATABASE_URL, and the log of the database.'
    : 'Set sslrootcert in DATABASE_URL to the file of the authority that signs the certificate of the database.'
}

const LOGIN = 'The login in DATABASE_URL'
/** Failures that only an operator can repair, by SQLSTATE and, if one has several causes, by the text. */
const REFUSALS: readonly (readonly [state: string, text: RegExp, advice: string])[] = [
  ['28P01', /./, `Set the user and the password in DATABASE_URL to those of a login.`],
  [
    '28000',
    /certificate/,
    'Set sslcert and sslkey in DATABASE_URL to a certificate of this login.',
  ],
  [
    '28000',
    /pg_hba|no encryption/,
    'Add a line for this host, user and database to pg_hba.conf, or add sslmode=require to DATABASE_URL if it asks for TLS.',
  ],
  ['28000', /not permitted to log in/, `${LOGIN} needs: alter role <login> login.`],
  ['28000', /./, 'Set the user in DATABASE_URL to a login that exists.'],
  ['3D000', /./, 'Create it (create database <name>), or name another in DATABASE_URL.'],
  [
    '42501',
    /create role/,
    'Give the login CREATEROLE, or run as a superuser: create role todo_user; create role todo_accounts; grant todo_user, todo_accounts to <login>.',
  ],
  [
    '42501',
    /for database/,
    'Run as its owner: grant create, connect on database <name> to <login>.',
  ],
  [
    '42501',
    /./,
    'The login that migrates (DATABASE_URL_UNPOOLED, or DATABASE_URL) must own todo and todo_auth or be a member of their owner. One that only serves needs: grant usage on schema todo to <login>; grant select on todo.migrations to <login>.',
  ],
]

/** @returns the state, the reason and the advice for a failure at start. */
export function explainStart(error: unknown): StartFailure {
  const reason = reasonOf(error)
  const state = sqlState(error) ?? ''
  const temporary = TEMPORARY[state]
  if (temporary !== undefined) return { ...temporary, reason, isTemporary: true, cause: error }
  const permanent = { reason, isTemporary: false, cause: error }
  if (state === READ_ONLY) return { ...READ_ONLY_DATABASE, ...permanent }
  const advice = tlsAdvice(error, reason)
  if (advice !== undefined) {
    return { state: 'The TLS connection to the database failed', advice, ...permanent }
  }
  if (state === '' && PASSWORD.test(reason)) {
    const advice = 'Set the user and the password in DATABASE_URL to those of a login.'
    return { state: 'The password could not be used', advice, ...permanent }
  }
  if (!/ENOENT/.test(reason) && fromDatabase(error).code === 'service_unavailable') {
    return { state: UNREACHABLE, reason, advice: CHECK, isTemporary: true, cause: error }
  }
  const refusal = REFUSALS.find(([known, text]) => known === state && text.test(reason))
  return {
    state: 'The database refused',
    advice: refusal?.[2] ?? 'Check its log.',
    ...permanent,
  }
}

/** For a host name with several addresses, a refused connection is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  const { message } = (error ?? {}) as { message?: unknown } // pg rejects with plain objects, too
  return typeof message === 'string' ? message : String(error)
}
