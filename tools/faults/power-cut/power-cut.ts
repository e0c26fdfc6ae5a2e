import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { withDirectClient } from '../../../backend/src/database/direct.ts'
import { migrate } from '../../../backend/src/database/migrate/migrate.ts'
import { connectPglite } from '../../../backend/src/database/pglite/pglite.ts'
import { PipelinedPool } from '../../../backend/src/database/pipeline/pool.ts'
import { insertTask } from '../../../backend/src/models/tasks/task.ts'
import { updateTask } from '../../../backend/src/models/tasks/update.ts'
import { rebuild } from './disk.ts'
import { type Recorded, readRecording } from './recording.ts'

const CLUSTER = 'database'
const WORKER = new URL('./recorded-worker.ts', import.meta.url)
const CLIENTS = 16
/** Each client creates this many tasks, and changes each of them once. */
const TASKS_OF_CLIENT = 60
/** Longer than the buffers together, so that PostgreSQL also writes tables before a checkpoint. */
const DESCRIPTION_CHARACTERS = 8_000
const MAINTENANCE = ['checkpoint', 'vacuum todo.tasks', 'checkpoint']

export interface PowerCuts {
  readonly cuts: number
  readonly acknowledged: number
  /** How many acknowledged changes the rebuilt folders had to have, over all cuts. */
  readonly expected: number
  /** A line for each missing change, and for each folder that did not start. */
  readonly violations: readonly string[]
}

export interface LoadOptions {
  /** The data folder of a migrated database, which nobody has open; by default a new one is made. */
  readonly from?: string
  readonly clients?: number
  readonly tasksOfClient?: number
}

export interface CutOptions {
  readonly cuts: number
  readonly seed: number
  /** Whether the disk syncs when it is asked to; true by default. Without it, changes must get lost. */
  readonly syncs?: boolean
}

/** Everything that an embedded database under load has done to its files. */
export interface RecordedLoad {
  /** A folder with the database, and room for others. */
  readonly folder: string
  /** The files of the database before the load. */
  readonly base: string
  /** The files of the database after it, with the recording. */
  readonly after: string
  readonly operations: readonly Recorded[]
  remove(): void
}

/** Records everything that an embedded database under load does to its files. */
export async function recordLoad(options: LoadOptions = {}): Promise<RecordedLoad> {
  const { clients = CLIENTS, tasksOfClient = TASKS_OF_CLIENT } = options
  // The disk of the cuts is simulated. A given folder may be in memory, which is many times faster than a disk.
  const place = options.from === undefined ? tmpdir() : dirname(options.from)
  const folder = mkdtempSync(join(place, 'todo-power-cut-'))
  const remove = () => rmSync(folder, { recursive: true })
  try {
    const recorded = options.from ?? (await makeDatabase(join(folder, 'recorded')))
    const base = join(folder, 'base')
    const after = join(recorded, CLUSTER)
    cpSync(after, base, { recursive: true })
    await makeLoad(recorded, clients, tasksOfClient)
    return { folder, base, after, operations: readRecording(after), remove }
  } catch (error) {
    remove()
    throw error
  }
}

/**
 * Cuts the power at many moments of a recording: each time it rebuilds the folder as a disk may have it (see
 * disk.ts), starts a database on it, and looks for every change that was acknowledged before the cut.
 */
export async function cutPower(
  { folder, base, after, operations: all }: RecordedLoad,
  { cuts, seed, syncs = true }: CutOptions,
): Promise<PowerCuts> {
  const operations = all.filter(({ kind }) => syncs || kind !== 'sync-ends')
  const random = randomFrom(seed)
  const violations: string[] = []
  let expected = 0
  for (let number = 1; number <= cuts; number += 1) {
    const cut = chooseCut(operations, number, random)
    const acknowledged = acknowledgedBefore(operations, cut)
    expected += acknowledged.size
    const rebuilt = join(folder, 'rebuilt')
    rebuild(base, { from: after, to: join(rebuilt, CLUSTER) }, operations, cut, random)
    const missing = await missingIn(rebuilt, acknowledged)
    violations.push(...missing.map((line) => `cut ${number} at operation ${cut}: ${line}`))
    rmSync(rebuilt, { recursive: true })
  }
  const acknowledged = acknowledgedBefore(operations, operations.length).size
  return { cuts, acknowledged, expected, violations }
}

async function makeDatabase(folder: string): Promise<string> {
  const connector = await connectPglite(folder)
  await migrate(connector)
  await connector.close()
  return folder
}

async function makeLoad(folder: string, clients: number, tasksOfClient: number): Promise<void> {
  const connector = await connectPglite(folder, { worker: WORKER })
  const pool = new PipelinedPool(connector)
  let count = 0
  const client = async (_: unknown, n: number) => {
    const user = `user-${n}`
    for (let task = 0; task < tasksOfClient; task += 1) {
      count += 1
      const id = uuidv7()
      const number = count
      const description = String(number % 10).repeat((number * 997) % DESCRIPTION_CHARACTERS)
      await pool.asUser(user, insertTask(id, { title: `cut-${number}-v1`, description }))
      await pool.asUser(user, updateTask(id, { title: `cut-${number}-v2` }, undefined))
    }
  }
  const work = Promise.all(Array.from({ length: clients }, client))
  let working = true
  work.finally(() => {
    working = false
  })
  for (const statement of MAINTENANCE) {
    if (!working) break
    await withDirectClient(connector.direct, (direct) => direct.query(statement))
  }
  await work
  await pool.close()
}

/** Every other cut is right behind an acknowledgment: that is when the least is on the disk. */
function chooseCut(operations: readonly Recorded[], number: number, random: () => number): number {
  if (number % 2 === 0) return Math.floor(random() * operations.length)
  const acknowledgments = operations.flatMap(({ kind }, at) => (kind === 'acknowledge' ? [at] : []))
  return (acknowledgments[Math.floor(random() * acknowledgments.length)] ?? 0) + 1
}

/** @returns the latest version of each task, by the number of the task. */
function acknowledgedBefore(operations: readonly Recorded[], cut: number): Map<string, number> {
  const latest = new Map<string, number>()
  for (const operation of operations.slice(0, cut)) {
    if (operation.kind !== 'acknowledge') continue
    for (const title of operation.titles) keepLatest(latest, title)
  }
  return latest
}

function keepLatest(latest: Map<string, number>, title: string): void {
  const [, number = '', version = ''] = /^cut-(\d+)-v(\d+)$/.exec(title) ?? []
  latest.set(number, Math.max(latest.get(number) ?? 0, Number(version)))
}

/** @returns a line for each acknowledged change that a rebuilt folder does not have, or why it does not start. */
async function missingIn(folder: string, acknowledged: Map<string, number>): Promise<string[]> {
  if (!existsSync(join(folder, CLUSTER))) return ['the folder is gone']
  try {
    const connector = await connectPglite(folder)
    try {
      const found = new Map<string, number>()
      const { rows } = await withDirectClient(connector.direct, (direct) =>
        direct.query<{ title: string; characters: number }>(
          'select title, length(description) as characters from todo.tasks where deleted_at is null',
        ),
      )
      for (const { title } of rows) keepLatest(found, title)
      return [...acknowledged]
        .filter(([number, version]) => (found.get(number) ?? 0) < version)
        .map(([number, version]) => `version ${version} of task ${number} is lost`)
    } finally {
      await connector.close()
    }
  } catch (error) {
    return [`it does not start: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
