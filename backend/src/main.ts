import { loadConfig } from './core/config/config.ts'
import { endWithReason } from './core/log/end.ts'
import { start } from './processes/start.ts'

try {
  await start(loadConfig())
} catch (error) {
  await endWithReason(error)
}
