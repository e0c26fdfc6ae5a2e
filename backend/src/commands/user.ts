import { type Config, loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { actionOf, failureOf, type Scene } from './user-actions.ts'

async function run(config: Config, act: (scene: Scene) => Promise<void>): Promise<void> {
  const { accounts: settings } = config
  if (settings === null) {
    throw new Error(
      'ACCOUNTS is off, so this server has no accounts. Set ACCOUNTS=on, or leave it out',
    )
  }
  // Reading the arguments needs none of these.
  const { Accounts } = await import('../accounts/accounts.ts')
  const { createLogger } = await import('../core/log/logger.ts')
  const { connectBeside, openConnector } = await import('../database/connect.ts')
  const connector = await openConnector(config, console.error, { open: connectBeside })
  try {
    // Standard output is for results only.
    const log = await createLogger('silent')
    const accounts = new Accounts({ config, settings, connector, log })
    await act({ accounts, connector, terminal: process }).finally(() => accounts.close())
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
  await run(loadConfig(), (scene) => action.act(scene, given))
} catch (error) {
  const { reason, code } = failureOf(error)
  await endWithReason(reason, code)
}
