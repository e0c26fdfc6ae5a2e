/** The server as main.ts starts it, with the limits of a stop a tenth of what they are. */

import { loadConfig } from '../../../src/core/config/config.ts'
import { endWithReason } from '../../../src/core/log/end.ts'
import { start } from '../../../src/processes/start.ts'
import { STOP_LIMITS } from '../../../src/processes/stop.ts'

const TENTH = {
  requestsMs: STOP_LIMITS.requestsMs / 10,
  closeMs: STOP_LIMITS.closeMs / 10,
  hangingMs: STOP_LIMITS.hangingMs / 10,
  lastMs: STOP_LIMITS.lastMs / 10,
}

try {
  await start(loadConfig(), TENTH)
} catch (error) {
  await endWithReason(error)
}
