import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startProcess } from './started.ts'

export interface FloodOrder {
  readonly port: number
  /** Bytes of requests, whose answers have a Content-Length; sent in turn, one at a time on each connection. */
  readonly requests: readonly string[]
  readonly connections: number
  /** Null sends the next as soon as a connection is free. */
  readonly perSecond: number | null
  readonly seconds: number
}

/** What had one outcome: a status, or `cut` where the connection ended without an answer. */
export interface Answers {
  readonly count: number
  /** When the first came, after the start. */
  readonly firstMs: number
  /** From when a request was due to the end of its answer. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly withRetryAfter: number
}

export interface FloodResult {
  readonly sent: number
  /** Due, but no connection was free before the end. */
  readonly neverSent: number
  readonly unanswered: number
  readonly answers: Readonly<Record<string, Answers>>
}

/** Floods a server from another process; is told when that has sent all, while answers still come. */
export async function flood(order: FloodOrder, allSent = () => {}): Promise<FloodResult> {
  const program = fileURLToPath(new URL('./flood-process.ts', import.meta.url))
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = startProcess(process.execPath, [program], { stdio: [...stdio] })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the flood ended with ${code}`)
  })
  ended.catch(() => undefined) // after its answer it ends as well
  child.send(order)
  await Promise.race([once(child, 'message'), ended])
  allSent()
  const [result] = await Promise.race([once(child, 'message'), ended])
  return result
}

/** The bytes of a GET, to be sent as they are. */
export function getRequest(path: string, token: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
}
