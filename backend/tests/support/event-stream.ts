import { EventEmitter, once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { endWithTest } from './started.ts'

export interface StreamEvent {
  readonly id: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data by asserting it
  readonly data: any
}

/** A client of a stream of server-sent events. */
export interface EventStream {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The values of `retry:`, in milliseconds. */
  readonly retries: number[]
  /** The number of comments. */
  readonly comments: { count: number }
  /** The whole body so far. */
  text(): string
  /** The next event. @throws {Error} if the stream ends before. */
  next(): Promise<StreamEvent>
  /** The events up to the next `caught-up`, without it. */
  untilCaughtUp(): Promise<StreamEvent[]>
  /** Waits until the body satisfies this. */
  until(condition: (stream: EventStream) => boolean): Promise<void>
  /** Resolves when the server, or {@link EventStream.destroy}, has ended the response. */
  readonly ended: Promise<void>
  /** Reads no more. */
  pause(): void
  resume(): void
  destroy(): void
}

/** Opens a stream. A response of another type is read to its end, as text. */
export async function openStream(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<EventStream> {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port, path, agent: false },
    headers: { accept: 'text/event-stream', ...headers },
  })
  request.end()
  const [response] = await once(request, 'response')
  let body = ''
  let rest = ''
  let isOver = false
  const events: StreamEvent[] = []
  const retries: number[] = []
  const comments = { count: 0 }
  const changed = new EventEmitter().setMaxListeners(0)
  response.setEncoding('utf8').on('data', (text: string) => {
    body += text
    rest += text
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) read(block)
    changed.emit('change')
  })
  function read(block: string): void {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
      }),
    )
    if (fields.retry !== undefined) retries.push(Number(fields.retry))
    else if (fields[''] !== undefined) comments.count += 1
    else {
      const { id = '', event = '', data = '' } = fields
      events.push({ id, event, data: JSON.parse(data) })
    }
  }
  const ended = new Promise<void>((resolve) => {
    response.on('error', () => {})
    response.once('close', () => {
      isOver = true
      changed.emit('change')
      resolve()
    })
  })
  request.on('error', () => {})
  const stream: EventStream = {
    status: response.statusCode,
    headers: response.headers,
    ...{ retries, comments, ended },
    text: () => body,
    async next() {
      for (;;) {
        const event = events.shift()
        if (event !== undefined) return event
        if (isOver) throw new Error('The stream has ended')
        await once(changed, 'change')
      }
    },
    async untilCaughtUp() {
      const found: StreamEvent[] = []
      for (;;) {
        const event = await stream.next()
        if (event.event === 'caught-up') return found
        found.push(event)
      }
    },
    async until(condition) {
      while (!condition(stream)) {
        if (isOver) throw new Error('The stream has ended')
        await once(changed, 'change')
      }
    },
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    destroy: endWithTest(`stream ${path}`, () => {
      request.destroy()
    }),
  }
  if (response.statusCode !== 200) await ended
  return stream
}
