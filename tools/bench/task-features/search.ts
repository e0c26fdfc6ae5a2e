import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../figures/ratio.ts'
import { type SteadyLoad, startSteadyLoad } from '../load/steady-load.ts'
import type { Server } from '../servers/start-server.ts'
import type { Requests } from './features.ts'
import { LONGEST_SEARCH_MS, type SearchRound } from './report.ts'

const PER_SECOND = 200
const WARM_UP_MS = 1_000
/** Long enough for a p99: 300 requests of other users. */
const PHASE_MS = 1_500

/**
 * A user searches all of their tasks without a result, one search after the other. Other users read a task at a steady
 * rate, first without and then beside the searches.
 *
 * @param sort the order; undefined for the newest first.
 */
export async function measureSearch(
  server: Server,
  requests: Requests,
  sort: string | undefined,
  rounds: number,
  folder: string,
): Promise<SearchRound[]> {
  const load = startSteadyLoad(server.url, PER_SECOND, requests.ofOthers(), folder)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { next } = requests.searches(sort)
  const search = async (): Promise<number> => {
    const startedMs = performance.now()
    const { path, token } = next()
    for (let cursor = ''; ; ) {
      const headers = { authorization: `Bearer ${token}` }
      const sent = get(server.url + path + cursor, { agent, headers })
      const [response] = (await once(sent, 'response')) as [IncomingMessage] // of node:http
      const text = (await response.toArray()).join('')
      if (response.statusCode !== 200 || text !== '[]') throw new Error(`${path}: ${text}`)
      const { 'next-cursor': more } = response.headers
      const elapsedMs = performance.now() - startedMs
      if (more === undefined || elapsedMs > LONGEST_SEARCH_MS) return elapsedMs
      cursor = `&cursor=${more}`
    }
  }
  await p99During(load, () => sleep(WARM_UP_MS))
  await p99During(load, search)
  const measured: SearchRound[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const quietP99Ms = await p99During(load, () => sleep(PHASE_MS))
    const times: number[] = []
    const besideP99Ms = await p99During(load, async () => {
      const untilMs = performance.now() + PHASE_MS
      while (performance.now() < untilMs) times.push(await search())
    })
    const searchMs = median(times)
    console.error(
      `searches, round ${round} of ${rounds}: ${times.length} searches, p50 ${searchMs.toFixed(0)} ms`,
    )
    measured.push({ searchMs, quietP99Ms, besideP99Ms })
  }
  load.stop()
  agent.destroy()
  return measured
}

/** @returns the p99 of the requests during some work; null if one of them failed. */
async function p99During(load: SteadyLoad, work: () => Promise<unknown>): Promise<number | null> {
  try {
    return (await load.record(work)).tasks.p99Ms
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return null
  }
}
