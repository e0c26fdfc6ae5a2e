/** The server as main.ts starts it, with the bounds that its first parameter has as JSON. */
import { loadConfig } from '../../src/core/config/config.ts'
import { endWithReason } from '../../src/core/log/end.ts'
import { BOUNDS, type Bounds } from '../../src/processes/bounds.ts'
import { start } from '../../src/processes/start.ts'
import type { OwnBounds } from './process.ts'

const own = JSON.parse(process.argv[2] ?? '{}') as OwnBounds // given by process.ts
const bounds: Bounds = {
  limits: { ...BOUNDS.limits, ...own.limits },
  stop: { ...BOUNDS.stop, ...own.stop },
  lease: { ...BOUNDS.lease, ...own.lease },
  steadyMs: own.steadyMs ?? BOUNDS.steadyMs,
}

try {
  await start(loadConfig(), bounds)
} catch (error) {
  await endWithReason(error)
}
