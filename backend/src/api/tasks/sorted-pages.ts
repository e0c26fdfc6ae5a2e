import type { FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { NIL_UUID } from '../../core/uuid.ts'
import { type List, readOnce, STREAM_PAGE_ROWS } from '../../http/resource/pages.ts'
import type { Page, PageOptions } from '../../models/page.ts'
import type { Filter } from '../../models/tasks/filters.ts'
import { type Count, countTasks, listTasksOf } from '../../models/tasks/found.ts'
import { PAGE_TASKS } from '../../models/tasks/list.ts'
import { mergePositions, type Position } from '../../models/tasks/positions.ts'
import {
  listLongSorted,
  listPositions,
  listSorted,
  type Positions,
  type SortedOptions,
} from '../../models/tasks/sorted.ts'

/**
 * A page of a list of all tasks would take a look at each task of the user, which takes the square of their number. The
 * list finds this many positions at once instead, and then reads their tasks in pages.
 */
const RUN_TASKS = 10_000

/** A list in an order that no index has, without its cursors. */
export function sortedList(options: SortedOptions): List {
  return {
    short: (page) => listSorted(options, page),
    long: (page) => listLongSorted(options, page),
    whole: (request, page) => readFound(request, options, page),
    pages: (request) => pagesOf(request, options),
  }
}

/**
 * Finds the first tasks after a position among any number of tasks. Each statement examines a part of them, so that no
 * other user waits for long.
 *
 * @param most how many; fewer if their positions are long.
 * @throws {AppError} `service_unavailable` if it takes longer than one statement may.
 */
async function find(
  request: FastifyRequest,
  options: SortedOptions,
  after: string | undefined,
  most: number,
): Promise<{ found: Position[]; most: number }> {
  const part = parts(request)
  let found: Position[] = []
  let limit = most
  for (let from: string | null = NIL_UUID; from !== null; ) {
    const { positions, end }: Positions = await part(listPositions(options, { after, limit }, from))
    if (positions === undefined) {
      limit = Math.ceil(limit / 8)
    } else {
      found = mergePositions(options.sort, found, positions, limit)
      from = end
    }
  }
  return { found, most: limit }
}

/** @returns a function that runs the statements of one request which together examine all tasks. */
function parts(request: FastifyRequest): FastifyRequest['asUser'] {
  const endMs = performance.now() + LIMITS.statementMs
  return (asked) => {
    if (performance.now() > endMs || request.raw.socket.destroyed) {
      throw new AppError('service_unavailable', { headers: { 'retry-after': '1' } })
    }
    return request.asUser(asked)
  }
}

/** Reads a page of the list of a user with more tasks than one statement examines. */
async function readFound(
  request: FastifyRequest,
  options: SortedOptions,
  { after, limit }: PageOptions,
): Promise<Page> {
  const most = Math.min(limit, PAGE_TASKS)
  const { found } = await find(request, options, after, most + 1)
  const ids = found.slice(0, most).map(({ id }) => id)
  const { rows, count, read } = await request.asUser(listTasksOf(options.filter, ids))
  const next = read < found.length ? (found[read - 1]?.text ?? null) : null
  return { rows, count, next, scanEnded: false }
}

/** Tasks that follow each other in the order. */
interface Run {
  readonly ids: readonly string[]
  /** The position after them, or null at the end of the list. */
  readonly next: string | null
}

async function findRun(
  request: FastifyRequest,
  options: SortedOptions,
  after: string | undefined,
): Promise<Run> {
  const { found, most } = await find(request, options, after, RUN_TASKS)
  const next = found.length < most ? null : (found.at(-1)?.text ?? null)
  return { ids: found.map(({ id }) => id), next }
}

/** Reads the first page alone, as most lists end there, and then finds many positions at once. */
function pagesOf(request: FastifyRequest, options: SortedOptions) {
  let run: Run | undefined
  return async (after: string | undefined): Promise<Page> => {
    if (run === undefined) {
      const list = sortedList(options)
      const page = await readOnce(request, list, { after, limit: STREAM_PAGE_ROWS })
      if (!page.scanEnded) {
        if (page.next !== null) run = { ids: [], next: page.next }
        return page
      }
      run = await findRun(request, options, after)
    } else if (run.ids.length === 0 && run.next !== null) {
      run = await findRun(request, options, run.next)
    }
    const ids = run.ids.slice(0, STREAM_PAGE_ROWS)
    const { rows, count, read } = await request.asUser(listTasksOf(options.filter, ids))
    run = { ids: run.ids.slice(read), next: run.next }
    // The position is in the run.
    const next = run.ids.length > 0 || run.next !== null ? '' : null
    return { rows, count, next, scanEnded: false }
  }
}

/** Counts the tasks of a list. @throws {AppError} `service_unavailable` if it takes longer than one statement may. */
export async function count(request: FastifyRequest, filter: Filter): Promise<number> {
  const part = parts(request)
  let counted = 0
  for (let from: string | null = NIL_UUID; from !== null; ) {
    const { count: more, end }: Count = await part(countTasks(filter, from))
    counted += more
    from = end
  }
  return counted
}
