import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '../../../backend/src/core/limits.ts'
import { openSockets } from '../family.ts'
import type { Fault, Scene } from '../fault.ts'
import { heldBytes } from '../holdings.ts'
import { Session } from '../load/session.ts'
import { StoppedReader } from '../load/stopped-reader.ts'

const READERS = 12
/** For each reader 24 MB of changes, in batches. */
const BATCHES = 150
const TASKS = 10
/** The changes of another user, and the memory, are looked at so often, in batches. */
const LOOK_EVERY = 50
/** A busy server refuses a batch. Its tasks have ids, so it can be repeated. */
const REPEATS = 40
const CHARACTERS = 16_000
/** The server holds no more than this, while 288 MB wait to be read. `queuedBytes`, for all users, is about as much. */
const MEMORY_BYTES = 64e6
/** A change is on the streams of others within this time after its response. */
const PROMPT_MS = 2_000
/** A client that reads nothing is cut within this time. */
const CUT_MS = LIMITS.stalledMs + 15_000
/** Connections that the server opens for other clients meanwhile. */
const SOCKETS_MARGIN = 4
const CLOSED_MS = 5_000

/** @param name of the fault in its scene. */
export const readerStops = (name: string): Fault<Scene> => ({
  name,
  what: `a client opens ${READERS} streams of changes and stops reading while ${(BATCHES * TASKS * CHARACTERS) / 1e6} MB of changes are written for it: the changes of others arrive, memory stays below ${MEMORY_BYTES / 1e6} MB more, the streams are cut, and the client catches up`,
  run: async (scene) => {
    const { server } = scene
    const user = `stopped-${Date.now().toString(36)}`
    const session = new Session(() => server.port)
    const readers: StoppedReader[] = []
    const before = { bytes: await heldBytes(server), sockets: openSockets(server.pid) }
    let mostBytes = 0
    const look = async () => {
      mostBytes = Math.max(mostBytes, (await heldBytes(server)) - before.bytes)
    }
    try {
      await create(session, user, ['first'])
      for (let n = 0; n < READERS; n += 1) readers.push(await StoppedReader.open(server.port, user))
      for (let batch = 0; batch < BATCHES; batch += 1) {
        const titles = Array.from({ length: TASKS }, (_, n) => `${batch}-${n}`)
        await create(session, user, titles, 'x'.repeat(CHARACTERS))
        if (batch % LOOK_EVERY > 0) continue
        await witness(server.port, session, `${user}-other`)
        await look()
      }
      await look()
      await witness(server.port, session, `${user}-other`)
      await cut(server.pid, before.sockets)
      for (const reader of readers) {
        if (!(await reader.goOn(CLOSED_MS))) throw new Error('a reader that stopped was not cut')
      }
      for (const reader of readers.slice(0, 2)) await caughtUp(session, user, reader)
      await look()
      if (mostBytes > MEMORY_BYTES) throw new Error(`the server took ${mostBytes / 1e6} MB more`)
      return `${(mostBytes / 1e6).toFixed()} MB more at most`
    } finally {
      for (const reader of readers) reader.close()
      session.close()
    }
  },
})

async function create(session: Session, user: string, titles: string[], description?: string) {
  const operations = titles.map((title) => ({
    ...{ op: 'create', task: { id: randomUUID(), title, description } },
  }))
  const sending = { method: 'POST', path: `/api/${user}/tasks/batch`, body: { operations } }
  for (let repeat = 0; ; repeat += 1) {
    const answer = await session.send(user, sending)
    if (typeof answer === 'object' && answer.status === 200) return
    const isBusy = typeof answer === 'object' && answer.status === 503
    if (!isBusy || repeat === REPEATS) throw new Error(`a batch failed: ${JSON.stringify(answer)}`)
    await sleep(250)
  }
}

/** Another user's change is on their stream in time. */
async function witness(port: number, session: Session, user: string): Promise<void> {
  const reader = await StoppedReader.open(port, user)
  try {
    const title = `witness-${Date.now()}`
    await create(session, user, [title])
    const limit = performance.now() + PROMPT_MS
    const arrived = reader.goOn(PROMPT_MS)
    while (!reader.text.includes(title)) {
      if (performance.now() > limit) throw new Error('a change of another user is late')
      await sleep(10)
    }
    reader.close()
    await arrived
  } finally {
    reader.close()
  }
}

/** The server has closed the connections, although their client does not see it. */
async function cut(pid: number, sockets: number): Promise<void> {
  const limit = performance.now() + CUT_MS
  while (openSockets(pid) > sockets + SOCKETS_MARGIN) {
    if (performance.now() > limit) throw new Error('the readers that stopped were not cut')
    await sleep(200)
  }
}

/** From its last token the client gets all that it has missed. */
async function caughtUp(session: Session, user: string, reader: StoppedReader): Promise<void> {
  const { position } = reader
  const titles = new Set(position.titles)
  let since = position.token
  for (let more = true; more; ) {
    const path = `/api/${user}/tasks/changes?since=${since}`
    const answer = await session.send(user, { method: 'GET', path })
    if (typeof answer === 'string' || answer.status !== 200) throw new Error(`${path} failed`)
    const page = JSON.parse(answer.text)
    for (const { task } of page.changes) titles.add(task.title)
    since = page.token
    more = page.more
  }
  const missing = BATCHES * TASKS + 1 - titles.size
  if (missing !== 0) throw new Error(`${missing} changes were missed`)
}
