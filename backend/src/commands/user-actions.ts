import type { Accounts } from '../accounts/accounts.ts'
import {
  createAccount,
  endAccess,
  findAccount,
  newAddress,
  removeAccount,
  resetPassword,
} from '../accounts/administer.ts'
import { type Accepted, type Arguments, UsageError } from '../core/arguments.ts'
import type { Connector } from '../database/connector.ts'
import { readStatistics } from '../database/statistics.ts'
import {
  disableAccount,
  enableAccount,
  listAccounts,
  listSessions,
} from '../models/accounts/operator.ts'
import { jsonLine, printable, printLine } from './output.ts'
import { ask, type NewPassword, readNewPassword } from './prompt.ts'

/** The accounts and the database on which an action works. */
export interface Scene {
  readonly accounts: Accounts
  readonly connector: Connector
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

const ACCOUNT = '<email or id>'
const DEFAULT_PAGE = 100
const LARGEST_PAGE = 10_000
const TOKENS = 'Its tokens for tasks are refused within 10 seconds'

/** The actions by name. */
export const ACTIONS: Readonly<Record<string, Action>> = {
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

/** Prints a result: lines for a person, or the value as one line of JSON. */
async function print({ flags }: Arguments, value: object, ...lines: string[]): Promise<void> {
  for (const line of flags.has('json') ? [jsonLine(value)] : lines) await printLine(line)
}

const row = (...cells: string[]) => cells.map(printable).join('\t')

/** @throws {NoAccountError} */
function accountOf(accounts: Accounts, { positionals: [who = ''] }: Arguments) {
  return findAccount(accounts, who)
}

async function create({ accounts }: Scene, given: Arguments): Promise<void> {
  const email = await newAddress(accounts, given.positionals[0] ?? '')
  const choice = await readNewPassword()
  const { id } = await createAccount(accounts, {
    email,
    name: given.texts.get('name') ?? email.slice(0, email.lastIndexOf('@')),
    password: choice.password,
  })
  const { member, lines } = generated(choice)
  await print(given, { id, email, ...member }, row(id, email), ...lines)
}

/** A generated password is printed, because nobody knows it yet. */
function generated({ password, generated }: NewPassword) {
  return generated
    ? { member: { password }, lines: [`password\t${password}`] }
    : { member: {}, lines: [] }
}

async function list({ accounts }: Scene, given: Arguments): Promise<void> {
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
    await print(given, account, row(id, email, ...states, createdAt, name))
  }
  const last = page.at(-1)
  if (last === undefined || found.length === page.length) return
  console.error(`There are more accounts. Continue with --after ${printable(last.email)}`)
}

/** @throws {UsageError} if it is not one. */
function pageSize({ texts }: Arguments): number {
  const text = texts.get('limit') ?? String(DEFAULT_PAGE)
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= LARGEST_PAGE) return limit
  throw new UsageError(`--limit takes a whole number from 1 to ${LARGEST_PAGE}`)
}

async function remove({ accounts }: Scene, given: Arguments): Promise<void> {
  const account = await accountOf(accounts, given)
  const { id, email } = account
  if (!given.flags.has('yes')) await confirm(email)
  await removeAccount(accounts, account)
  await print(given, { id, email, deleted: true }, `Deleted ${printable(email)}`)
}

async function confirm(email: string): Promise<void> {
  const shown = printable(email)
  if (!process.stdin.isTTY) {
    throw new Error(`To delete ${shown} without a terminal, add --yes`)
  }
  console.error(`This deletes ${shown}, its sessions and all of its tasks permanently.`)
  const typed = await ask('Type the e-mail address to continue: ')
  if (typed.trim().toLowerCase() !== email)
    throw new Error('The address is different. Nothing was deleted')
}

async function reset({ accounts }: Scene, given: Arguments): Promise<void> {
  const account = await accountOf(accounts, given)
  const choice = await readNewPassword()
  await resetPassword(accounts, account, choice.password)
  const { id, email } = account
  const { member, lines } = generated(choice)
  const done = `${printable(email)} has a new password and no session. ${TOKENS}`
  await print(given, { id, email, ...member }, done, ...lines)
}

async function disable({ accounts }: Scene, given: Arguments): Promise<void> {
  const { id, email } = await accountOf(accounts, given)
  await accounts.pool.run(disableAccount(id))
  await endAccess(accounts, { id })
  const done = `${printable(email)} is disabled: it has no session and cannot sign in. ${TOKENS}`
  await print(given, { id, email, disabled: true }, done)
}

async function enable({ accounts }: Scene, given: Arguments): Promise<void> {
  const { id, email } = await accountOf(accounts, given)
  await accounts.pool.run(enableAccount(id))
  await print(given, { id, email, disabled: false }, `${printable(email)} can sign in`)
}

async function sessions({ accounts }: Scene, given: Arguments): Promise<void> {
  const { id, email } = await accountOf(accounts, given)
  if (given.flags.has('end')) {
    const ended = await endAccess(accounts, { id })
    const done = `${printable(email)} has no session. Sessions ended: ${ended}. ${TOKENS}`
    return print(given, { id, email, ended }, done)
  }
  for (const session of await accounts.pool.run(listSessions(id))) {
    const { createdAt, renewedAt, expiresAt, address, device } = session
    const times = [createdAt, renewedAt, expiresAt]
    await print(given, session, row(session.id, ...times, address ?? '-', device ?? '-'))
  }
}

async function stats({ connector }: Scene, given: Arguments): Promise<void> {
  const statistics = await readStatistics(connector)
  const lines = Object.entries(statistics).map(
    ([name, { count, exact }]) => `${name}\t${exact ? '' : 'about '}${count}`,
  )
  await print(given, statistics, ...lines)
}
