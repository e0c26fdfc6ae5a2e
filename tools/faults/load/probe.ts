import { setTimeout as sleep } from 'node:timers/promises'
import { exchange } from './exchange.ts'
import { markOf, type Record } from './record.ts'
import { signToken } from './session.ts'

const EVERY_MS = 50
const GIVE_UP_MS = 40_000

/** The time from the end of a fault to a successful write, and to a 200 of /readyz, in milliseconds. */
export interface Recovery {
  readonly writeMs: number
  readonly readyMs: number
}

/** Sends requests repeatedly, each on a new connection and without waiting for earlier ones. */
export async function recovery(
  port: () => number,
  prefix: string,
  record: Record,
  endedMs: number,
): Promise<Recovery> {
  const user = `${prefix}.probe`
  const token = await signToken(user)
  const write = async () => {
    const title = `${markOf(user)} ${record.tasks.length}`
    const task = record.begin(user, title, false)
    const body = { title, description: title }
    const sending = { port: port(), method: 'POST', path: `/api/${user}/tasks`, token, body }
    const answer = record.note('probe', user, await exchange(sending, false), true)
    if (answer === undefined) return false
    const { id, description, completed, updated_at: updatedAt } = JSON.parse(answer.text)
    task.id = id
    task.acknowledged = { description, completed, updatedAt }
    task.doubtfulDescriptions.length = 0
    record.counts.acknowledgedWrites += 1
    return true
  }
  const ready = async () => {
    const outcome = await exchange({ port: port(), method: 'GET', path: '/readyz', token }, false)
    return typeof outcome === 'object' && outcome.status === 200
  }
  const [writeMs, readyMs] = await Promise.all([firstMs(write, endedMs), firstMs(ready, endedMs)])
  return { writeMs, readyMs }
}

async function firstMs(ask: () => Promise<boolean>, sinceMs: number): Promise<number> {
  const asked: Promise<void>[] = []
  let foundMs: number | undefined
  while (foundMs === undefined && performance.now() - sinceMs < GIVE_UP_MS) {
    asked.push(
      ask().then((answered) => {
        if (answered) foundMs ??= performance.now() - sinceMs
      }),
    )
    await sleep(EVERY_MS)
  }
  await Promise.all(asked)
  return foundMs ?? Number.POSITIVE_INFINITY
}
