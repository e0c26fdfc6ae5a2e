import { getSystemErrorName } from 'node:util'

/** The server’s own messages describe the form of a connection string with this placeholder. */
const PLACEHOLDER = 'user:password@'
const CONNECTION_STRINGS = new RegExp(
  String.raw`(?<![a-z\d+.-])(?!https?:|file:)([a-z][a-z\d+.-]*:\/\/)(?!${PLACEHOLDER})[^\n]*@\S*`,
  'gi',
)
const URLS = /(?<![a-z\d+.-])(?!file:)([a-z][a-z\d+.-]*:\/\/)([^\s"'<>`]+)/gi
const HOST = /^([\w-]+(\.[\w-]+)*|\[[\da-f:.]+\])?(:\d+)?[),.;:]*$/i
const NAMED_SECRETS = /\b(\w*(?:password|passwd|pwd|secret|token|api_?key))=("[^"]*"|'[^']*'|\S+)/gi
const CREDENTIALS = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi
/** Every JWT begins with these characters (`{"` in base64url); a truncated one is matched as well. */
const TOKENS = /eyJ[\w.-]{10,}/g

const MAX_CHARACTERS = 2_000

const E_MAIL = /("[^"\n]*"|(?<![^\s@<>()"',;:=[\]])[^\s@<>()"',;:=[\]]*)(@|%40)[^\s@<>()"',;:]+/gi
const RESET_CODES = /\breset-password[:/][^\s"'<>?]+/gi
const OPAQUE = /[\w-]{20,}/g

/** @returns a text without passwords, tokens, and paths and queries of URLs; at most about 2 000 characters. */
export function withoutSecrets(text: string): string {
  return shortened(text)
    .replace(CONNECTION_STRINGS, '$1…')
    .replace(URLS, withoutCredentials)
    .replace(NAMED_SECRETS, '$1=…')
    .replace(CREDENTIALS, '$1 …')
    .replace(TOKENS, '…')
}

/** @returns the text as {@link withoutSecrets} does, also without e-mail addresses and one-time codes. */
export function redactText(text: string): string {
  return withoutSecrets(text)
    .replace(E_MAIL, '…')
    .replace(RESET_CODES, 'reset-password…')
    .replace(OPAQUE, (run) => (isRandom(run) ? '…' : run))
}

/** The members of a library's details whose values are secrets or texts of a person, whatever they look like. */
const PRIVATE_MEMBER =
  /pass|secret|token|cookie|authorization|code|verifier|state|key|signature|mail|name$|image|picture/i
const MAX_MEMBERS = 20

/**
 * @returns details of a library's message for the log: errors as {@link describeError}, texts as
 *   {@link redactText}, and `…` for members that are private.
 */
export function redactDetail(detail: unknown, depth = 0): unknown {
  if (detail instanceof Error) return describeError(detail)
  if (typeof detail === 'string') return redactText(detail)
  if (typeof detail === 'bigint') return String(detail)
  if (typeof detail !== 'object' || detail === null) return detail
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(detail)) {
    return detail.slice(0, MAX_MEMBERS).map((one) => redactDetail(one, depth + 1))
  }
  const members = Object.keys(detail).slice(0, MAX_MEMBERS)
  return Object.fromEntries(
    members.map((name) => [
      redactText(name),
      PRIVATE_MEMBER.test(name) ? '…' : redactDetail(property(detail, name), depth + 1),
    ]),
  )
}

/** Bounds the time of the expressions. A word that the cut split is removed, since it may be a secret. */
function shortened(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : text.slice(0, MAX_CHARACTERS).replace(/\S*$/, '…')
}

function withoutCredentials(whole: string, scheme: string, rest: string): string {
  if (rest.startsWith(PLACEHOLDER)) return whole
  const [host = ''] = rest.split(/[/?#]/)
  if (!HOST.test(host)) return `${scheme}…`
  return scheme + host + (host.length < rest.length ? '/…' : '')
}

/** Codes and session tokens mix digits and both cases, and hashes are long hex strings. Names are neither. */
function isRandom(run: string): boolean {
  const capitals = run.match(/[A-Z]/g)?.length ?? 0
  const mixed = capitals > 0 && /[a-z]/.test(run)
  return (mixed && (/\d/.test(run) || capitals > run.length * 0.3)) || /^[\da-f]{32,}$/i.test(run)
}

/** An error in the form in which the log has it. */
export interface LoggedError {
  readonly type: string
  readonly message: string
  readonly stack?: string
  readonly cause?: LoggedError
  readonly errors?: readonly LoggedError[]
  /** The members named in {@link FACTS}. */
  readonly [fact: string]: unknown
}

/**
 * The properties of an error that are logged: codes and object names. None of them contains text that
 * a person wrote. PostgreSQL’s `detail` and nodemailer’s `response` can, and are omitted.
 */
const FACTS = [
  ...['code', 'errno', 'syscall', 'hostname', 'host', 'address', 'port', 'status', 'statusCode'],
  ...['severity', 'schema', 'table', 'column', 'constraint', 'dataType', 'routine'],
  ...['command', 'responseCode', 'originalCode'],
]
const FACT = /^[\w .:/-]{1,64}$/
const NAME = /^[A-Za-z_$][\w$]{0,63}$/
const FRAME =
  /^ {4}at (?:.+ \((?:.+:\d+:\d+|<anonymous>|native|index \d+)\)|(?:async )?\S+:\d+:\d+)$/
const FOREIGN_MESSAGE = 'withheld, because another program wrote it'

const MAX_DEPTH = 5
const MAX_ERRORS = 5

/**
 * The serializer of everything logged as `err`. It keeps a message, without secrets and addresses, only
 * if this program wrote it. Messages of other servers and of libraries quote their input, so only their
 * codes are kept.
 *
 * @param depth the number of errors above this one; causes are followed down to five.
 */
export function describeError(error: unknown, depth = 0): LoggedError {
  if (typeof error !== 'object' || error === null) {
    return { type: typeof error, message: FOREIGN_MESSAGE }
  }
  const type = typeName(error)
  const frames = framesOf(error)
  const text = property(error, 'message')
  const message =
    typeof text === 'string' && isOurs(error, frames) ? redactText(text) : FOREIGN_MESSAGE
  const stack = frames.length === 0 ? {} : { stack: [`${type}: ${message}`, ...frames].join('\n') }
  return { type, message, ...factsOf(error), ...stack, ...underneath(error, depth) }
}

function underneath(error: object, depth: number): Pick<LoggedError, 'cause' | 'errors'> {
  if (depth >= MAX_DEPTH) return {}
  const cause = property(error, 'cause')
  const errors = property(error, 'errors')
  return {
    ...(typeof cause === 'object' && cause !== null && { cause: describeError(cause, depth + 1) }),
    ...(error instanceof AggregateError &&
      Array.isArray(errors) && {
        errors: errors.slice(0, MAX_ERRORS).map((one) => describeError(one, depth + 1)),
      }),
  }
}

function factsOf(error: object): Record<string, unknown> {
  const facts: Record<string, unknown> = {}
  for (const name of FACTS) {
    const value = property(error, name)
    const short = typeof value === 'string' && FACT.test(value) && redactText(value) === value
    if (short || typeof value === 'number') facts[name] = value
  }
  // A library may have replaced the system's code with its own.
  const { errno } = facts
  if (typeof errno === 'number' && Number.isSafeInteger(errno) && errno < 0) {
    facts.errno = getSystemErrorName(errno)
  }
  return facts
}

function typeName(error: object): string {
  const name = property(error, 'name')
  return typeof name === 'string' && NAME.test(name) ? name : 'Error'
}

/** A stack begins with the message, which may look like frames; the real ones are its last lines. */
function framesOf(error: object): string[] {
  const stack = property(error, 'stack')
  const lines = typeof stack === 'string' ? stack.split('\n') : []
  const isFrame = (line: string) => FRAME.test(line) && !/[^/]@/.test(line)
  return lines.slice(lines.findLastIndex((line) => !isFrame(line)) + 1)
}

/** Whether the message was written where this program’s own code threw the error. */
function isOurs(error: object, [thrown = '']: readonly string[]): boolean {
  const fromElsewhere = /\/node_modules\/|\(?node:|<anonymous>\)|\(native\)/.test(thrown)
  return thrown !== '' && !fromElsewhere && !('severity' in error)
}

/** Reads a property whose getter may throw. */
function property(error: object, name: string): unknown {
  try {
    return Reflect.get(error, name)
  } catch {
    return undefined
  }
}
