import { Readable } from 'node:stream'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { collectionPath } from '../../http/resource/send.ts'
import {
  listLongTasks,
  listTasks,
  PAGE_BYTES,
  type PageOptions,
  type TaskPage,
} from '../../models/tasks/list.ts'
import type { ListQuery } from '../../schemas/tasks/task.ts'

/** The page size for a list without `limit`. It bounds the memory that one response takes. */
const STREAM_PAGE_TASKS = 200
/**
 * The pause between these pages. Without it, a list of 100 000 tasks keeps two cores busy for 0.5 s, and the
 * slowest requests of other users take four times as long.
 */
const PAGE_PAUSE_MS = 1
const SEPARATOR = ',\n'

/**
 * @param last the last task of this page, which is the cursor of the next one.
 * @returns the headers that lead to the next page: `Link` (RFC 8288) with the same query, and the cursor alone.
 */
export function nextPage(request: FastifyRequest, last: string) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query as ListQuery)) {
    query.set(name, String(value))
  }
  const cursor = Buffer.from(last.replaceAll('-', ''), 'hex').toString('base64url')
  query.set('cursor', cursor)
  return {
    link: `<${collectionPath(request, 'tasks')}?${query}>; rel="next"`,
    'next-cursor': cursor,
  }
}

/**
 * @returns the task id in a cursor. A cursor is only a position in the order of ids: another user's
 * cursor still returns only the requesting user's tasks.
 */
export function cursorId(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 * Reads a page of the user's tasks. With a filter that matches few of them, the page takes several
 * statements. Each examines a bounded number of tasks, so that no other user waits for it.
 *
 * @param pageMs how long it looks for tasks that match.
 * @returns the tasks found so far after that, and if the client disconnects.
 * @throws {AppError} as `request.asUser` does.
 */
export async function readPage(
  request: FastifyRequest,
  options: PageOptions,
  pageMs: number,
): Promise<TaskPage> {
  const endMs = performance.now() + pageMs
  let page = await readOnce(request, options)
  while (page.scanEnded && page.next !== null && page.tasks.length < PAGE_BYTES) {
    if (performance.now() > endMs || request.raw.socket.destroyed) break
    const remaining = options.limit - page.count
    const limit = Math.max(remaining, 1)
    const more = await readOnce(request, { ...options, after: page.next, limit })
    // The page is full, and at least one task follows.
    if (remaining === 0 && more.count > 0) break
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
 * Reads all of the user's tasks as one JSON array.
 *
 * @returns text if they fit one page, otherwise a stream. The stream reads the next page when the client
 * has received the last one, and holds no database connection in between.
 * @throws {AppError} as `request.asUser` does.
 */
export async function allTasks(
  request: FastifyRequest,
  { completed, after }: { completed: boolean | undefined; after: string | undefined },
  pageMs: number,
): Promise<string | Readable> {
  const read = (from: string | undefined) =>
    readPage(request, { completed, after: from, limit: STREAM_PAGE_TASKS }, pageMs)
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
    await rest(PAGE_PAUSE_MS)
    const page = await read(next)
    // White space keeps the client and proxies from timing out while no task matches.
    if (page.tasks === '') yield '\n'
    else yield isEmpty ? page.tasks : `${SEPARATOR}${page.tasks}`
    isEmpty &&= page.tasks === ''
    next = page.next
  }
  yield ']'
}
