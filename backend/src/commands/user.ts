import { Accounts } from '../accounts/accounts.ts'
import { NoAccountError } from '../accounts/administer.ts'
import { type Arguments, readArguments, UsageError } from '../core/arguments.ts'
import { type Config, loadConfig } from '../core/config/config.ts'
import { AppError } from '../core/errors.ts'
import { endWithReason } from '../core/log/end.ts'
import { createLogger } from '../core/log/logger.ts'
import { connectBeside, openConnector } from '../database/connect.ts'
import { printable } from './output.ts'
import { ACTIONS, type Action, type Scene } from './user-actions.ts'

const NAMES = Object.keys(ACTIONS).join(' | ')
const USAGE = `Usage: npm run user -- ${NAMES} [--help]. Each has its own --help. --json prints lines of JSON`

/** The exit code if there is no such account. It is 1 for every other failure. */
const NO_ACCOUNT = 2

/** @returns the action that the arguments name, with its own arguments. @throws {UsageError} */
function actionOf([name, ...rest]: string[]): [action: Action, given: Arguments] {
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
  return [action, given]
}

async function run(config: Config, act: (scene: Scene) => Promise<void>): Promise<void> {
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
    await act({ accounts, connector }).finally(() => accounts.close())
  } finally {
    await connector.close()
  }
}

/** `npm run user -- …`: manages accounts, for the operator. */
try {
  const [action, given] = actionOf(process.argv.slice(2))
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of the pipe may close it before the end, as head does.
    if (error.code === 'EPIPE') process.exit(0)
    endWithReason(error)
  })
  action.check?.(given)
  await run(loadConfig(), (scene) => action.act(scene, given))
} catch (error) {
  // An AppError hides its cause from clients. The operator sees the cause.
  const reason = error instanceof AppError ? (error.cause ?? error) : error
  await (error instanceof NoAccountError
    ? endWithReason(printable(error.message), NO_ACCOUNT)
    : endWithReason(reason))
}
