import type { Accounts } from '../accounts/accounts.ts'
import {
  createAccount,
  endAccess,
  findAccount,
  NoAccountError,
  newAddress,
  removeAccount,
  resetPassword,
} from '../accounts/administer.ts'
import { type Accepted, type Arguments, readArguments, UsageError } from '../core/arguments.ts'
import { AppError } from '../core/errors.ts'
import type { Connector } from '../database/connector.ts'
import {
  disableAccount,
  enableAccount,
  listAccounts,
  listSessions,
} from '../models/accounts/operator.ts'
import { jsonLine, printable, printLine } from './output.ts'
import { ask, type NewPassword, readNewPassword, type Terminal } from './prompt.ts'

/** The accounts and the database on which an action works, and where it reads and writes. */
export interface Scene {
  readonly accounts: Accounts
  readonly connector: Connector
  readonly terminal: Terminal
}

/** One action of `npm run user`. Each of them also accepts `--json`. */
export interface Action extends Pick<Accepted, 'flags' | 'texts'> {
  /** Its arguments, for the usage. */
  readonly takes: string
  readonly least: number
  readonly most: number
  /** Checks the arguments before anything is opened. @throws {UsageError} */
  readonly check?: (given: Arguments) => void
  readonly act: (scene: Scene, given: Arguments) => Promise<void>
}

/** The exit code if there is no such account, and that of every other failure. */
const NO_ACCOUNT = 2
const FAILURE = 1
const ACCOUNT = '<email or id>'
const DEFAULT_PAGE = 100
const LARGEST_PAGE = 10_000
const TOKENS = 'Its tokens for tasks are refused within 10 seconds'

/** The actions by name. */
const ACTIONS: Readonly<Record<string, Action>> = {
  create: { takes: '<email> [--name <name>]', texts: ['name'], least: 1, most: 1, act: create },
  list: {
    takes: `[<part of an e-mail address or a name>] [--limit <1 to ${LARGEST_PAGE}>] [--after <email>]`,
    ...{ texts: ['limit', 'after'], least: 0, most: 1 },
    check: pageSize,
    act: list,
  },
  delete: { takes: `${ACCOUNT} [--yes]`, flags: ['yes'], least: 1, most: 1, act: remove },
  'reset-password': { takes: ACCOUNT, least: 1, most: 1, act: reset },
  disable: { takes: ACCOUNT, least: 1, most: 1, act: disable },
  enable: { takes: ACCOUNT, least: 1, most: 1, act: enable },
  sessions: { takes: `${ACCOUNT} [--end]`, flags: ['end'], least: 1, most: 1, act: sessions },
  stats: { takes: '', least: 0, most: 0, act: stats },
}

const NAMES = Object.keys(ACTIONS).join(' | ')
const USAGE = `Usage: npm run user -- ${NAMES} [--help]. Each has its own --help. --json prints lines of JSON`

/** @returns the action that the arguments name, with its own arguments. @throws {UsageError} */
export function actionOf([name, ...rest]: readonly string[]): [action: Action, given: Arguments] {
  const action = Object.entries(ACTIONS).find(([known]) => known === name)?.[1]
  if (action === undefined) {
    readArguments({ usage: USAGE, most: Number.POSITIVE_INFINITY })
    throw new UsageError(USAGE)
  }
  const { takes, flags = [], texts = [], least, most } = action
  const usage = `Usage: npm run user -- ${name}${takes && ` ${takes}`} [--json]`
  // A further argument is often a password, so it is not printed.
  const options = { usage, flags: ['json', ...flags], texts, least, most: most + 1 }
  const given = readArguments(options, rest)
  if (given.positionals.length > most) throw new UsageError(usage)
  action.check?.(given)
  return [action, given]
}

/** @returns the reason for the operator, and the exit code. */
export function failureOf(error: unknown): { reason: unknown; code: number } {
  if (error instanceof NoAccountError) return { reason: printable(error.message), code: NO_ACCOUNT }
  // An AppError hides its cause from clients. The operator sees the cause.
  const reason = error instanceof AppError ? (error.cause ?? error) : error
  return { reason, code: FAILURE }
}

/** Prints a result: lines for a person, or the value as one line of JSON. */
async function print(
  { terminal }: Pick<Scene, 'terminal'>,
  { flags }: Arguments,
  value: object,
  ...lines: string[]
): Promise<void> {
  for (const line of flags.has('json') ? [jsonLine(value)] : lines) {
    await printLine(line, terminal.stdout)
  }
}

const row = (...cells: string[]) => cells.map(printable).join('\t')

/** @throws {NoAccountError} */
function accountOf(accounts: Accounts, { positionals: [who = ''] }: Arguments) {
  return findAccount(accounts, who)
}

async function create(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const email = await newAddress(accounts, given.positionals[0] ?? '')
  const choice = await readNewPassword(scene.terminal)
  const { id } = await createAccount(accounts, {
    email,
    name: given.texts.get('name') ?? email.slice(0, email.lastIndexOf('@')),
    password: choice.password,
  })
  const { member, lines } = generated(choice)
  await print(scene, given, { id, email, ...member }, row(id, email), ...lines)
}

/** A generated password is printed, because nobody knows it yet. */
function generated({ password, generated }: NewPassword) {
  return generated
    ? { member: { password }, lines: [`password\t${password}`] }
    : { member: {}, lines: [] }
}

async function list(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const { positionals, texts } = given
  const limit = pageSize(given)
  const search = positionals[0] ?? ''
  const after = (texts.get('after') ?? '').toLowerCase()
  // One more than the page shows whether there is another page.
  const found = await accounts.pool.run(listAccounts({ search, after, limit: limit + 1 }))
  const page = found.slice(0, limit)
  for (const account of page) {
    const { id, email, name, emailVerified, disabled, createdAt } = account
    const states = [emailVerified ? 'verified' : 'unverified', disabled ? 'disabled' : 'enabled']
    await print(scene, given, account, row(id, email, ...states, createdAt, name))
  }
  const last = page.at(-1)
  if (last === undefined || found.length === page.length) return
  const next = `There are more accounts. Continue with --after ${printable(last.email)}`
  scene.terminal.stderr.write(`${next}\n`)
}

/** @throws {UsageError} if it is not one. */
function pageSize({ texts }: Arguments): number {
  const text = texts.get('limit') ?? String(DEFAULT_PAGE)
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= LARGEST_PAGE) return limit
  throw new UsageError(`--limit takes a whole number from 1 to ${LARGEST_PAGE}`)
}

async function remove(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const account = await accountOf(accounts, given)
  const { id, email } = account
  if (!given.flags.has('yes')) await confirm(scene.terminal, email)
  await removeAccount(accounts, account)
  await print(scene, given, { id, email, deleted: true }, `Deleted ${printable(email)}`)
}

async function confirm(terminal: Terminal, email: string): Promise<void> {
  const shown = printable(email)
  if (!terminal.stdin.isTTY) {
    throw new Error(`To delete ${shown} without a terminal, add --yes`)
  }
  terminal.stderr.write(`This deletes ${shown}, its sessions and all of its tasks permanently.\n`)
  const typed = await ask(terminal, 'Type the e-mail address to continue: ')
  if (typed.trim().toLowerCase() !== email)
    throw new Error('The address is different. Nothing was deleted')
}

async function reset(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const account = await accountOf(accounts, given)
  const choice = await readNewPassword(scene.terminal)
  await resetPassword(accounts, account, choice.password)
  const { id, email } = account
  const { member, lines } = generated(choice)
  const done = `${printable(email)} has a new password and no session. ${TOKENS}`
  await print(scene, given, { id, email, ...member }, done, ...lines)
}

async function disable(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const { id, email } = await accountOf(accounts, given)
  await accounts.pool.run(disableAccount(id))
  await endAccess(accounts, { id })
  const done = `${printable(email)} is disabled: it has no session and cannot sign in. ${TOKENS}`
  await print(scene, given, { id, email, disabled: true }, done)
}

async function enable(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const { id, email } = await accountOf(accounts, given)
  await accounts.pool.run(enableAccount(id))
  await print(scene, given, { id, email, disabled: false }, `${printable(email)} can sign in`)
}

async function sessions(scene: Scene, given: Arguments): Promise<void> {
  const { accounts } = scene
  const { id, email } = await accountOf(accounts, given)
  if (given.flags.has('end')) {
    const ended = await endAccess(accounts, { id })
    const done = `${printable(email)} has no session. Sessions ended: ${ended}. ${TOKENS}`
    return print(scene, given, { id, email, ended }, done)
  }
  for (const session of await accounts.pool.run(listSessions(id))) {
    const { createdAt, renewedAt, expiresAt, address, device } = session
    const times = [createdAt, renewedAt, expiresAt]
    await print(scene, given, session, row(session.id, ...times, address ?? '-', device ?? '-'))
  }
}

async function stats(scene: Scene, given: Arguments): Promise<void> {
  const { connector } = scene
  const { readStatistics } = await import('../database/statistics.ts')
  const statistics = await readStatistics(connector)
  const lines = Object.entries(statistics).map(
    ([name, { count, exact }]) => `${name}\t${exact ? '' : 'about '}${count}`,
  )
  await print(scene, given, statistics, ...lines)
}
