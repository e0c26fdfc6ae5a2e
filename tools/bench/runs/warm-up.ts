import type { Population } from '../data/seed.ts'
import { requestsFor } from '../data/work.ts'
import { startLoad } from '../load/load.ts'
import type { Stage } from '../servers/contestants.ts'
import type { Server } from '../servers/start-server.ts'

/**
 * Loads each server with every kind of work, until V8 has optimized its code and its token cache is filled.
 */
export async function warmUp(
  servers: readonly Server[],
  { population, secret, folder }: Stage & { readonly population: Population },
  seconds: number,
): Promise<void> {
  const load = startLoad(await requestsFor('mix', population, secret), folder)
  for (const { url } of servers) await load.run({ url, seconds })
  load.stop()
}
