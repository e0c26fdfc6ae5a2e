import type { Change } from '../task.ts'
import { type LooseParts, type ResponseBody, toRequest } from './endpoint.ts'
import { readEvents } from './event-stream.ts'
import { begin, type Call, open, orConnectionError, parse, send, type Wire } from './http.ts'
import { type TokenSource, withToken } from './token.ts'

const ENDPOINT = 'GET /api/{user_id}/tasks/changes'
/** The server sends a comment at least every 25 s. */
const SILENT_MS = 60_000
/** Where the server names no time, as at its first stream that was cut. */
const REOPEN_MS = 3_000

/** The changes between two positions in the feed. */
export interface FeedItem {
  /** Apply them in order, and store them together with the token. A task is there at its latest state. */
  readonly changes: readonly Change[]
  /** The position after these changes: `since` of the next call. It is good for 30 days. */
  readonly token: string
  /** Whether these were all changes when the server sent them. */
  readonly caughtUp: boolean
  /** Whether they came from the open stream. The first of a stream is the one that says it has caught up. */
  readonly live: boolean
}

export interface ChangesOptions {
  /** The token of the last item that was stored; without it, the changes begin with all living tasks. */
  readonly since?: string | undefined
  readonly signal?: AbortSignal
  /** False ends the changes where the stream would begin, such as in React Native, whose `fetch` cannot stream. */
  readonly stream?: boolean
  /** In place of the user of the client, if it is known: the server refuses the token of anyone else. */
  readonly userId?: string | null
  /** The changes in a page, 1 to 1000; 500 if it is left out. */
  readonly limit?: number
}

export interface Feed {
  readonly wire: Wire
  readonly baseUrl: string
  readonly source: TokenSource
  readonly userId: string
}

/** See `TodoClient.changes`. */
export async function* readChanges(
  feed: Feed,
  { since, signal, stream = true, limit = 500 }: ChangesOptions,
): AsyncGenerator<FeedItem, void, undefined> {
  let position = since
  for (let more = true; more; ) {
    const page = await readPage(feed, { since: position, limit }, signal)
    position = page.token
    more = page.more
    yield { changes: page.changes.filter(isKnown), token: position, caughtUp: !more, live: false }
  }
  while (stream) {
    const end = yield* readStream(feed, position, signal)
    if (!end.canStream) return
    position = end.position ?? position
    const call = begin(signal)
    await feed.wire.sleep(end.reopenMs, call.signal).finally(call.end)
  }
}

async function readPage(feed: Feed, query: LooseParts['query'], signal: AbortSignal | undefined) {
  const request = toFeedRequest(feed, { query })
  const { body } = await withToken(feed.source, request.headers, () =>
    send<ResponseBody<typeof ENDPOINT>>(feed.wire, request, signal),
  )
  return body
}

interface StreamEnd {
  readonly canStream: boolean
  readonly position?: string | undefined
  readonly reopenMs: number
}

/** Reads one stream until the server ends it. */
async function* readStream(
  feed: Feed,
  since: string | undefined,
  outer: AbortSignal | undefined,
): AsyncGenerator<FeedItem, StreamEnd, undefined> {
  const call = begin(outer)
  try {
    const { body, headers } = await openStream(feed, since, call)
    // A proxy may remove the header that asks for a stream.
    const isStream = headers.get('content-type')?.startsWith('text/event-stream')
    if (body === null || !isStream) return { canStream: false, reopenMs: 0 }
    const reader = body.getReader()
    const decoder = new TextDecoder()
    const events = collectEvents(since)
    for (;;) {
      const stopWaiting = call.abortAfter(
        feed.wire.sleep,
        SILENT_MS,
        'The stream of changes is silent',
      )
      const { done, value } = await orConnectionError(reader.read(), call.signal)
      stopWaiting()
      if (done) break
      const item = events.feed(decoder.decode(value, { stream: true }))
      if (item !== null) yield item
    }
    return { canStream: true, position: events.position(), reopenMs: events.reopenMs() }
  } finally {
    call.end()
  }
}

function openStream(feed: Feed, since: string | undefined, call: Call): Promise<Response> {
  const request = toFeedRequest(feed, { query: { since } })
  request.headers.set('accept', 'text/event-stream')
  const { sleep, timeoutMs } = feed.wire
  const stopWaiting = call.abortAfter(sleep, timeoutMs, 'There was no response in time')
  const attempt = () => open(feed.wire, request, call.signal)
  return withToken(feed.source, request.headers, attempt).finally(stopWaiting)
}

/** Gathers the events of each chunk into one item, which takes one transaction to store. */
function collectEvents(since: string | undefined) {
  let position = since
  let reopenMs = REOPEN_MS
  let caughtUp = false
  let changes: Change[] = []
  let hasNews = false
  const read = readEvents({
    onEvent: ({ event, id, data }) => {
      position = id ?? position
      hasNews = true
      if (event === 'caught-up') caughtUp = true
      if (event === 'change') changes.push(parse(data))
    },
    onRetry: (ms) => {
      reopenMs = ms
    },
  })
  return {
    position: () => position,
    reopenMs: () => reopenMs,
    feed(text: string): FeedItem | null {
      read(text)
      if (!hasNews || position === undefined) return null
      const item = { changes: changes.filter(isKnown), token: position, caughtUp, live: true }
      changes = []
      hasNews = false
      return item
    },
  }
}

/** A later server may send changes of another type. */
function isKnown({ type }: { readonly type: string }): boolean {
  return type === 'task'
}

function toFeedRequest({ baseUrl, userId }: Feed, parts: LooseParts) {
  return toRequest(baseUrl, ENDPOINT, { ...parts, params: { user_id: userId } })
}
