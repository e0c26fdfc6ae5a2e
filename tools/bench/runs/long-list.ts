import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request } from '../data/work.ts'
import { memory } from '../figures/process-usage.ts'
import { ratio, type Spread, spread } from '../figures/ratio.ts'
import { startSteadyLoad } from '../load/steady-load.ts'
import type { Server } from '../servers/start-server.ts'

const TASKS_PER_SECOND = 200
/** Long enough for a p99: 600 requests of other users. */
const PHASE_MS = 3_000
const WARM_UP_MS = 1_000
const WATCH_MS = 5

/** The effects of a list of very many tasks on its client and on other users. */
export interface LongList {
  readonly tasks: number
  /** The time to the first byte of the response, relative to a list of 50 tasks. */
  readonly firstByte: Spread
  readonly firstByteMs: Spread
  readonly seconds: Spread
  /** The growth of the server's memory from before the first list to its maximum. */
  readonly growthBytes: number
  /** The p99 of other users' requests during lists, relative to its quiet value. */
  readonly othersP99: Spread
}

/**
 * Reads the whole list repeatedly for some seconds, each time after a short one, and measures other users'
 * requests at a steady rate at the same time.
 *
 * @param long the list of very many tasks, without a limit; `short` is one of 50 tasks.
 * @param others requests of other users.
 */
export async function measureLongList(
  server: Server,
  { long, short, others }: Record<'long' | 'short' | 'others', readonly Request[]>,
  times: number,
  folder: string,
): Promise<LongList> {
  const [whole, few] = [long[0], short[0]]
  if (whole === undefined || few === undefined) throw new Error('There are no lists to request')
  await read(server, few)
  const beforeBytes = memory(server.pid).rssBytes
  const first = await read(server, whole)
  const load = startSteadyLoad(server.url, TASKS_PER_SECOND, others, folder)
  await load.record(() => sleep(WARM_UP_MS))
  const quiet: number[] = []
  const busy: number[] = []
  const shorts: Answer[] = []
  const longs: Answer[] = []
  for (let at = 1; at <= times; at += 1) {
    quiet.push((await load.record(() => sleep(PHASE_MS))).tasks.p99Ms)
    const { tasks } = await load.record(async () => {
      const untilMs = performance.now() + PHASE_MS
      while (performance.now() < untilMs) {
        shorts.push(await read(server, few))
        longs.push(await read(server, whole))
      }
    })
    busy.push(tasks.p99Ms)
    console.error(
      `list of ${first.tasks}, ${at} of ${times}: others’ p99 ${tasks.p99Ms.toFixed(1)} ms, quiet ${quiet.at(-1)?.toFixed(1)} ms`,
    )
  }
  load.stop()
  const firstBytes = (answers: readonly Answer[]) => answers.map(({ firstByteMs }) => firstByteMs)
  return {
    tasks: first.tasks,
    firstByte: ratio(firstBytes(longs), firstBytes(shorts)),
    firstByteMs: spread(firstBytes(longs)),
    seconds: spread(longs.map(({ seconds }) => seconds)),
    growthBytes: Math.max(...[first, ...longs].map(({ mostBytes }) => mostBytes)) - beforeBytes,
    othersP99: ratio(busy, quiet),
  }
}

interface Answer {
  readonly tasks: number
  readonly firstByteMs: number
  readonly seconds: number
  /** The maximum of the server's memory during the response. */
  readonly mostBytes: number
}

/** Reads a response as fast as it arrives, and samples the server's memory. */
async function read({ url, pid }: Server, { path, token }: Request): Promise<Answer> {
  const agent = new Agent({ keepAlive: true })
  let mostBytes = 0
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, memory(pid).rssBytes)
  }, WATCH_MS)
  const startedMs = performance.now()
  const sent = get(url + path, { agent, headers: { authorization: `Bearer ${token}` } })
  const [response]: IncomingMessage[] = await once(sent, 'response')
  const firstByteMs = performance.now() - startedMs
  let tasks = 0
  for await (const chunk of response ?? []) tasks += lineFeeds(chunk)
  clearInterval(watch)
  agent.destroy()
  return {
    tasks: tasks + 1,
    firstByteMs,
    seconds: (performance.now() - startedMs) / 1_000,
    mostBytes: Math.max(mostBytes, memory(pid).rssBytes),
  }
}

/** Counts the line feeds, which separate the tasks. JSON text contains no others. */
function lineFeeds(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1
  return count
}
