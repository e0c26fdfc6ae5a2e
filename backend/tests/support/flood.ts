import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startProcess } from './started.ts'

export interface FloodOrder {
  readonly port: number
  /** The bytes of requests whose responses have a Content-Length; sent in turn, one at a time on each connection. */
  readonly requests: readonly string[]
  readonly connections: number
  /** Null sends the next request as soon as a connection is free. */
  readonly perSecond: number | null
  /** With `perSecond`, as many requests are sent as are due in this time, however long that takes. */
  readonly seconds: number
  /** How many requests may be unanswered when the flood says that the others are answered. */
  readonly allBut: number
}

/** The responses of one status, or `cut` for connections that ended without one. */
export interface Answers {
  readonly count: number
  readonly withRetryAfter: number
}

export interface FloodResult {
  readonly sent: number
  readonly unanswered: number
  readonly answers: Readonly<Record<string, Answers>>
}

/**
 * Floods a server from another process.
 *
 * @returns `answered`, which resolves when everything is sent and all but `allBut` requests are
 *   answered, and `result`, which resolves when all are. Both give up on a server that stops answering.
 */
export function flood(order: FloodOrder): {
  answered: Promise<unknown>
  result: Promise<FloodResult>
} {
  const program = fileURLToPath(new URL('./flood-process.ts', import.meta.url))
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = startProcess(process.execPath, [program], { stdio: [...stdio] })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the flood ended with ${code}`)
  })
  ended.catch(() => undefined) // after its result it ends as well
  child.send(order)
  const answered = Promise.race([once(child, 'message'), ended])
  const next = async () => {
    await answered
    const [result] = await Promise.race([once(child, 'message'), ended])
    return result
  }
  return { answered, result: next() }
}

/** The bytes of a GET, to be sent as they are. */
export function getRequest(path: string, token: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
}
