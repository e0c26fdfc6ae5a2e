import { Accounts } from '../accounts/accounts.ts'
import {
  createAccount,
  everyAccount,
  findAccount,
  newAddress,
  removeAccount,
  resetPassword,
} from '../accounts/administer.ts'
import { readArguments, UsageError } from '../core/arguments.ts'
import { type Config, loadConfig } from '../core/config/config.ts'
import { AppError } from '../core/errors.ts'
import { endWithReason } from '../core/log/end.ts'
import { createLogger } from '../core/log/logger.ts'
import { connectBeside, openConnector } from '../database/connect.ts'
import { ask, type NewPassword, readNewPassword } from './prompt.ts'

const USAGE =
  'Usage: npm run user -- create <email> [--name <name>] | list | delete <email or id> [--yes] | reset-password <email or id>'

type Command = (accounts: Accounts) => Promise<void>

/** @returns the command that the arguments name. @throws {UsageError} if they name none of them. */
function commandOf(): Command {
  const options = { flags: ['yes'], texts: ['name'] }
  const { positionals, flags, texts } = readArguments({ usage: USAGE, ...options, most: 3 })
  const [action, target, surplus] = positionals
  const name = texts.get('name')
  const yes = flags.has('yes')
  // It is often a password, so it is not printed.
  if (surplus !== undefined) throw new UsageError(USAGE)
  if ((name !== undefined && action !== 'create') || (yes && action !== 'delete')) {
    throw new UsageError(USAGE)
  }
  if (target === undefined) {
    if (action === 'list') return list
  } else {
    if (action === 'create') return (accounts) => create(accounts, target, name)
    if (action === 'delete') return (accounts) => remove(accounts, target, yes)
    if (action === 'reset-password') return (accounts) => reset(accounts, target)
  }
  throw new UsageError(USAGE)
}

async function create(accounts: Accounts, given: string, name?: string): Promise<void> {
  const email = await newAddress(accounts, given)
  const choice = await readNewPassword()
  const { id } = await createAccount(accounts, {
    email,
    name: name ?? email.slice(0, email.lastIndexOf('@')),
    password: choice.password,
  })
  console.log(`${id}\t${email}`)
  printGenerated(choice)
}

async function list(accounts: Accounts): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of the pipe may close it before the end, as head does.
    if (error.code === 'EPIPE') process.exit(0)
    endWithReason(error)
  })
  for await (const { id, email, emailVerified, createdAt } of everyAccount(accounts)) {
    console.log([id, email, emailVerified ? 'verified' : 'unverified', createdAt].join('\t'))
  }
}

async function remove(accounts: Accounts, target: string, yes: boolean): Promise<void> {
  const account = await findAccount(accounts, target)
  if (!yes) await confirm(account.email)
  await removeAccount(accounts, account)
  console.log(`Deleted ${account.email}`)
}

async function confirm(email: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new Error(`To delete ${email} without a terminal, add --yes`)
  }
  console.error(`This deletes ${email}, its sessions and all of its tasks permanently.`)
  const typed = await ask('Type the e-mail address to continue: ')
  if (typed.trim().toLowerCase() !== email)
    throw new Error('The address is different. Nothing was deleted')
}

async function reset(accounts: Accounts, target: string): Promise<void> {
  const account = await findAccount(accounts, target)
  const choice = await readNewPassword()
  await resetPassword(accounts, account, choice.password)
  console.log(
    `${account.email} has a new password and no session. Its tokens for tasks are refused within 10 seconds`,
  )
  printGenerated(choice)
}

function printGenerated({ password, generated }: NewPassword): void {
  if (generated) console.log(`password\t${password}`)
}

async function run(config: Config, command: Command): Promise<void> {
  const { accounts: settings } = config
  if (settings === null) {
    throw new Error(
      'ACCOUNTS is off, so this server has no accounts. Set ACCOUNTS=on, or leave it out',
    )
  }
  const connector = await openConnector(config, console.error, { open: connectBeside })
  try {
    // Standard output is for results only.
    const log = await createLogger('silent')
    const accounts = new Accounts({ config, settings, connector, log })
    await command(accounts).finally(() => accounts.close())
  } finally {
    await connector.close()
  }
}

/** `npm run user -- …`: manages accounts, for the operator. */
try {
  const command = commandOf()
  await run(loadConfig(), command)
} catch (error) {
  // An AppError hides its cause from clients. The operator sees the cause.
  endWithReason(error instanceof AppError ? (error.cause ?? error) : error)
}
