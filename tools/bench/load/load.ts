import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Request } from '../data/work.ts'
import { startAutocannon } from './autocannon.ts'
import type { Load } from './load-order.ts'
import { startWrk, wrkVersion } from './wrk.ts'

/** The load generator: wrk if it is installed, because it uses the least CPU time. */
export const LOAD_TOOL = wrkVersion() ?? 'autocannon'

/** @param folder for the file of requests that the process reads. */
export function startLoad(requests: readonly Request[], folder: string): Load {
  const own = mkdtempSync(join(folder, 'load-'))
  const tool = LOAD_TOOL === 'autocannon' ? startAutocannon : startWrk
  const { run, stop } = tool(requests, own)
  return {
    run: async (order) => {
      const result = await run(order)
      if (result.failures > 0) {
        throw new Error(
          `${order.url}: ${result.failures} requests failed, ${result.requests} were answered`,
        )
      }
      return result
    },
    stop,
  }
}
