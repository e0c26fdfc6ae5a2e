import { readArguments } from './core/arguments.ts'
import { isProduction, loadConfig } from './core/config/config.ts'
import { endWithReason } from './core/log/end.ts'
import { start } from './processes/start.ts'

/** `npm start`: serves. Settings come from the environment; docs/settings.md lists them. */
const USAGE =
  'Usage: npm start [-- --help | --version]. Settings are environment variables: see docs/settings.md'

try {
  readArguments({ usage: USAGE })
  await start(loadConfig())
} catch (error) {
  await endWithReason(error, 1, isProduction())
}
