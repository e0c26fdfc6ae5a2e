import { Readable } from 'node:stream'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type Fault } from '../../core/errors.ts'
import type { Statement } from '../../database/session.ts'
import {
  EXAMINED_ROWS,
  PAGE_BYTES,
  type Page,
  type PageOptions,
  uuidOf,
} from '../../models/page.ts'
import { collectionPath } from './send.ts'

/** The page size for a list without `limit`. It bounds the memory that one response takes. */
export const STREAM_PAGE_ROWS = 200
/**
 * The pause between these pages. Without it, a list of 100 000 tasks keeps two cores busy for 0.5 s, and the
 * slowest requests of other users take four times as long.
 */
const PAGE_PAUSE_MS = 1
/**
 * The most rows that one statement examines. If the rows of the first ones do not match, each statement examines twice
 * as many as the one before it, because every statement costs as much as some hundred rows.
 */
const MOST_EXAMINED_ROWS = 4_000
const SEPARATOR = ',\n'

/** A list of a user's rows, which is read in pages. */
export interface List {
  /** A statement whose result is undefined if the page is too long for it. */
  short(options: PageOptions): Statement<Page | undefined>
  /** The same for rows of any length. */
  long(options: PageOptions): Statement<Page>
  /**
   * Reads a page if such a statement has not examined all rows, and the page cannot continue after them, because others
   * may precede its rows.
   */
  whole?(request: FastifyRequest, options: PageOptions): Promise<Page>
  /**
   * Reads the pages of a list of all rows, one after the other, if that is not the same as reading each page alone.
   * Each begins where the last one ended; the position is that of the first.
   */
  pages?(request: FastifyRequest): (after: string | undefined) => Promise<Page>
  /** How its positions are written as cursors. The default is for ids and numbers. */
  readonly cursors?: Cursors
}

/** Writes and reads cursors: base64url of a position in the order of a list. */
export interface Cursors {
  /** @param key the key of the last row of a page. */
  bytesOf(key: string): Buffer
  /** @returns undefined if the bytes are no position in this list. */
  keyOf(bytes: Buffer): string | undefined
}

export interface ListRequest {
  /** The path of the list after the user. */
  readonly resource: string
  readonly cursor: string | undefined
  /** Without it, the response has all rows. */
  readonly limit: number | undefined
  /** How long a page looks for rows that match. */
  readonly pageMs: number
}

/**
 * Sends a page of a list, or all of it.
 *
 * @returns the body.
 * @throws {AppError} as `request.asUser` does.
 */
export async function sendList(
  reply: FastifyReply,
  list: List,
  { resource, cursor, limit, pageMs }: ListRequest,
): Promise<string | Readable> {
  const { request } = reply
  const { cursors = KEYS } = list
  const after = cursor === undefined ? undefined : positionOf(cursor, cursors)
  reply.type('application/json')
  if (limit === undefined) return allRows(request, list, after, pageMs)
  const page = await readPage(request, list, { after, limit }, pageMs)
  if (page.next !== null) reply.headers(nextPage(request, resource, cursors.bytesOf(page.next)))
  return `[${page.rows}]`
}

/**
 * @param position the bytes of the cursor of the next page.
 * @returns the headers that lead to the next page: `Link` (RFC 8288) with the same query, and the cursor alone.
 */
function nextPage(request: FastifyRequest, resource: string, position: Buffer) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query as object)) {
    query.set(name, String(value))
  }
  const cursor = position.toString('base64url')
  query.set('cursor', cursor)
  return {
    link: `<${collectionPath(request, resource)}?${query}>; rel="next"`,
    'next-cursor': cursor,
  }
}

/** @throws {AppError} `validation_error` if the list has no such position. */
function positionOf(cursor: string, cursors: Cursors): string {
  const bytes = Buffer.from(cursor, 'base64url')
  const key = bytes.toString('base64url') === cursor ? cursors.keyOf(bytes) : undefined
  if (key !== undefined) return key
  const message = 'must be the cursor of a Link'
  const errors: Fault[] = [{ in: 'query', path: '/cursor', message }]
  throw new AppError('validation_error', { detail: `cursor ${message}`, errors })
}

/** Hexadecimal digits of a number in a cursor. */
const NUMBER_DIGITS = 16

/**
 * A cursor is only a position in an order: another user's cursor still returns only the requesting user's rows.
 * The key is a UUID or a number.
 */
export const KEYS: Cursors = {
  bytesOf(key) {
    const hex = key.includes('-')
      ? key.replaceAll('-', '')
      : BigInt(key).toString(16).padStart(NUMBER_DIGITS, '0')
    return Buffer.from(hex, 'hex')
  },
  keyOf(bytes) {
    const hex = bytes.toString('hex')
    return hex.length === NUMBER_DIGITS ? BigInt(`0x${hex}`).toString() : uuidOf(hex)
  },
}

/**
 * Reads a page of the user's rows. If few of them match, the page takes several statements. Each examines a
 * bounded number of rows, so that no other user waits for it.
 *
 * @param pageMs how long it looks for rows that match.
 * @returns the rows found so far after that, and if the client disconnects.
 * @throws {AppError} as `request.asUser` does.
 */
async function readPage(
  request: FastifyRequest,
  list: List,
  options: PageOptions,
  pageMs: number,
): Promise<Page> {
  const endMs = performance.now() + pageMs
  let page = await readOnce(request, list, options)
  if (page.scanEnded && list.whole) return list.whole(request, options)
  let examined = EXAMINED_ROWS
  while (page.scanEnded && page.next !== null && page.rows.length < PAGE_BYTES) {
    if (performance.now() > endMs || request.raw.socket.destroyed) break
    const remaining = options.limit - page.count
    const limit = Math.max(remaining, 1)
    examined = Math.min(examined * 2, MOST_EXAMINED_ROWS)
    const more = await readOnce(request, list, { after: page.next, limit, examined })
    // The page is full, and at least one row follows.
    if (remaining === 0 && more.count > 0) break
    const rows = [page.rows, more.rows].filter(Boolean).join(SEPARATOR)
    page = { ...more, rows, count: page.count + more.count }
  }
  return page
}

/** Reads a page with one statement, or two if it is long. */
export async function readOnce(
  request: FastifyRequest,
  list: List,
  options: PageOptions,
): Promise<Page> {
  const page = await request.asUser(list.short(options))
  return page ?? request.asUser(list.long(options))
}

/**
 * Reads all of the user's rows as one JSON array.
 *
 * @returns text if they fit one page, otherwise a stream. The stream reads the next page when the client
 * has received the last one, and holds no database connection in between.
 * @throws {AppError} as `request.asUser` does.
 */
async function allRows(
  request: FastifyRequest,
  list: List,
  after: string | undefined,
  pageMs: number,
): Promise<string | Readable> {
  const read =
    list.pages?.(request) ??
    ((from: string | undefined) =>
      readPage(request, list, { after: from, limit: STREAM_PAGE_ROWS }, pageMs))
  const first = await read(after)
  if (first.next === null) return `[${first.rows}]`
  return Readable.from(request.method === 'HEAD' ? [] : array(first, read))
}

async function* array(first: Page, read: (from: string) => Promise<Page>): AsyncGenerator<string> {
  yield `[${first.rows}`
  let isEmpty = first.rows === ''
  for (let next = first.next; next !== null; ) {
    await rest(PAGE_PAUSE_MS)
    const page = await read(next)
    // White space keeps the client and proxies from timing out while no row matches.
    if (page.rows === '') yield '\n'
    else yield isEmpty ? page.rows : `${SEPARATOR}${page.rows}`
    isEmpty &&= page.rows === ''
    next = page.next
  }
  yield ']'
}
