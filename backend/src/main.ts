import { start } from './commands/start.ts'
import { loadConfig } from './core/config.ts'
import { endWithReason } from './core/end.ts'

try {
  await start(loadConfig())
} catch (error) {
  await endWithReason(error)
}
