import { Readable } from 'node:stream'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { LIMITS } from '../../core/limits.ts'
import { encodeSegment } from '../../http/protocol/paths.ts'
import {
  listLongTasks,
  listTasks,
  PAGE_BYTES,
  type PageOptions,
  type TaskPage,
} from '../../models/tasks/list.ts'
import type { ListQuery } from '../../schemas/tasks/task.ts'

/** Tasks read at once for a list without a limit: the memory one such answer takes. */
const STREAM_PAGE_TASKS = 200
/**
 * A rest after each of its pages. Without one, a list of 100 000 tasks keeps two cores busy for half
 * a second, and the slowest of the others' requests take four times as long as in quiet.
 */
const REST_MS = 1
const SEPARATOR = ',\n'

/** The path of a user's tasks, as a client is to write it. */
export function tasksPath(userId: string): string {
  return `/api/${encodeSegment(userId)}/tasks`
}

/** The `Link` to the page behind this one (RFC 8288): the same question, from the last task on. */
export function nextPage(request: FastifyRequest, last: string): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query as ListQuery)) {
    query.set(name, String(value))
  }
  query.set('cursor', Buffer.from(last.replaceAll('-', ''), 'hex').toString('base64url'))
  return `<${tasksPath(request.userId)}?${query}>; rel="next"`
}

/**
 * The task id a cursor stands for. A cursor is a place in the order of ids and names no user, so one
 * taken from elsewhere shows nothing but the own tasks.
 */
export function cursorId(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 * Reads a page of the user's tasks. With a filter that matches few of them, the page takes several
 * statements. Each examines a bounded number of tasks, so that no other user waits for it.
 *
 * @returns the tasks found so far if the client disconnects.
 * @throws {AppError} as `request.asUser` does.
 */
export async function readPage(request: FastifyRequest, options: PageOptions): Promise<TaskPage> {
  const endMs = performance.now() + LIMITS.pageMs
  let page = await readOnce(request, options)
  while (page.scanEnded && page.next !== null && page.tasks.length < PAGE_BYTES) {
    if (performance.now() > endMs || request.raw.socket.destroyed) break
    const room = options.limit - page.count
    const limit = Math.max(room, 1)
    const more = await readOnce(request, { ...options, after: page.next, limit })
    // The page is full, and there is more behind it.
    if (room === 0 && more.count > 0) break
    const tasks = [page.tasks, more.tasks].filter(Boolean).join(SEPARATOR)
    page = { ...more, tasks, count: page.count + more.count }
  }
  return page
}

async function readOnce(request: FastifyRequest, options: PageOptions): Promise<TaskPage> {
  const page = await request.asUser(listTasks(options))
  return page ?? request.asUser(listLongTasks(options))
}

/**
 * All of the user's tasks, however many, as one JSON array. What fits one page is text; more is a
 * stream that reads the next page when the client has taken the last, and holds no connection in
 * between.
 */
export async function allTasks(
  request: FastifyRequest,
  { completed, after }: { completed: boolean | undefined; after: string | undefined },
): Promise<string | Readable> {
  const read = (from: string | undefined) =>
    readPage(request, { completed, after: from, limit: STREAM_PAGE_TASKS })
  const first = await read(after)
  if (first.next === null) return `[${first.tasks}]`
  return Readable.from(request.method === 'HEAD' ? [] : array(first, read))
}

async function* array(
  first: TaskPage,
  read: (from: string) => Promise<TaskPage>,
): AsyncGenerator<string> {
  yield `[${first.tasks}`
  let isEmpty = first.tasks === ''
  for (let next = first.next; next !== null; ) {
    await rest(REST_MS)
    const page = await read(next)
    // White space tells the client, and whatever is in between, that the list goes on.
    if (page.tasks === '') yield '\n'
    else yield isEmpty ? page.tasks : `${SEPARATOR}${page.tasks}`
    isEmpty &&= page.tasks === ''
    next = page.next
  }
  yield ']'
}
