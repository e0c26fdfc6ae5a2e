import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Cursors, KEYS, type List, sendList } from '../../http/resource/pages.ts'
import { uuidOf } from '../../models/page.ts'
import type { PRIORITIES } from '../../models/tasks/columns.ts'
import { type Filter, hashOf, isFiltered } from '../../models/tasks/filters.ts'
import { listLongTasks, listTasks } from '../../models/tasks/list.ts'
import {
  isIdSort,
  joinPosition,
  SORTS,
  type SortName,
  splitPosition,
} from '../../models/tasks/sorts.ts'
import type { ListQuery } from '../../schemas/tasks/list.ts'
import { count, sortedList } from './sorted-pages.ts'

/** RFC 7240 §2: preferences are separated by commas, and only the first of a name counts. */
const COUNT = /^\s*count\s*=\s*"?exact"?\s*(;|$)/i

/** @returns whether the client prefers to get the number of all tasks. */
function prefersCount({ headers }: FastifyRequest): boolean {
  const { prefer } = headers
  if (prefer === undefined) return false
  const preferences = String(prefer).split(',')
  const first = preferences.find((preference) => /^\s*count\s*(=|;|$)/i.test(preference))
  return first !== undefined && COUNT.test(first)
}

/** Sends the tasks of the user in the order and with the filters of the query. */
export async function sendTasks(
  reply: FastifyReply,
  query: ListQuery,
  pageMs: number,
): Promise<string | Readable> {
  const { limit, cursor, sort = '-created_at', ...given } = query
  const filter = filterOf(given)
  const list = isIdSort(sort)
    ? {
        short: (options: Parameters<List['short']>[0]) =>
          listTasks({ ...options, ...filter, sort }),
        long: (options: Parameters<List['long']>[0]) =>
          listLongTasks({ ...options, ...filter, sort }),
        cursors: cursorsOf(sort, filter),
      }
    : { ...sortedList({ sort, filter }), cursors: cursorsOf(sort, filter) }
  const { request } = reply
  const body = await sendList(reply, list, { resource: 'tasks', cursor, limit, pageMs })
  if (prefersCount(request)) {
    reply.header('total-count', await count(request, filter))
    reply.header('preference-applied', 'count=exact')
  }
  return body
}

type Given = Omit<ListQuery, 'limit' | 'cursor' | 'sort'>

function filterOf({ priority, tags, ...rest }: Given): Filter {
  return {
    ...rest,
    ...(priority !== undefined && {
      priority: priority.split(',') as (typeof PRIORITIES)[number][], // by the pattern
    }),
    ...(tags !== undefined && { tags: tags.split(',').map((tag) => tag.trim().normalize('NFC')) }),
  }
}

const HASH_BYTES = 8
const ID_BYTES = 16

/**
 * The cursors of a list. That of the newest tasks without a filter is the id alone. The others begin with a hash of
 * the order and the filter, which makes them invalid for another list; then follow the id and the key.
 */
function cursorsOf(sort: SortName, filter: Filter): Cursors {
  if (sort === '-created_at' && !isFiltered(filter)) {
    const { bytesOf, keyOf } = KEYS
    return { bytesOf, keyOf: (bytes) => (bytes.length === ID_BYTES ? keyOf(bytes) : undefined) }
  }
  const hash = hashOf(sort, filter)
  const isKey = isIdSort(sort) ? (text: string) => text === '' : SORTS[sort].isKey
  return {
    bytesOf(position) {
      const { id, key } = splitPosition(position)
      return Buffer.concat([hash, KEYS.bytesOf(id), Buffer.from(key)])
    },
    keyOf(bytes) {
      if (bytes.length < HASH_BYTES + ID_BYTES || !bytes.subarray(0, HASH_BYTES).equals(hash)) {
        return undefined
      }
      const id = uuidOf(bytes.toString('hex', HASH_BYTES, HASH_BYTES + ID_BYTES))
      const key = bytes.toString('utf8', HASH_BYTES + ID_BYTES)
      return isKey(key) ? joinPosition({ id, key }) : undefined
    },
  }
}
