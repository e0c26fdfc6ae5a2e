import type { Socket } from 'node:net'
import { type DatabaseProxy, startProxy } from '../../../backend/tests/support/proxy.ts'
import { type Message, Messages, textsOf } from './messages.ts'

/**
 * Where a connection is cut at the end of a write's transaction: before PostgreSQL receives the commit, after
 * the commit but before the response, or within the response.
 */
export type CutPoint = 'before' | 'at' | 'within the answer'

export interface CommitProxy extends DatabaseProxy {
  /** Cuts only the next connection on which a write passes. */
  cutNextWrite(point: CutPoint): void
  /** The number of cut connections. */
  readonly cuts: number
}

const WRITES = /\b(insert into|update todo|delete from)\b/

export async function startCommitProxy(target: string): Promise<CommitProxy> {
  let armed: CutPoint | undefined
  let cuts = 0
  const take = (): CutPoint | undefined => {
    const point = armed
    armed = undefined
    if (point !== undefined) cuts += 1
    return point
  }
  const proxy = await startProxy(target, undefined, (client, upstream) => {
    // Without it, small writes would wait for acknowledgements (Nagle's algorithm, RFC 896).
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    const passage = new Passage(client, upstream, take)
    client.on('data', (chunk) => passage.asked(chunk))
    upstream.on('data', (chunk) => passage.answered(chunk))
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
  })
  return {
    ...proxy,
    cutNextWrite: (point) => {
      armed = point
    },
    get cuts() {
      return cuts
    },
  }
}

/** One connection. The proxy inspects every message. */
class Passage {
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #take: () => CutPoint | undefined
  readonly #requests = new Messages(true)
  readonly #answers = new Messages(false)
  readonly #writes = new Set<string>()
  #writing = false
  /** The responses that PostgreSQL owes, one for the startup included. Each ends with ReadyForQuery. */
  #owed = 1
  #cut: CutPoint | undefined
  #held: Buffer[] = []

  constructor(client: Socket, upstream: Socket, take: () => CutPoint | undefined) {
    this.#client = client
    this.#upstream = upstream
    this.#take = take
  }

  asked(chunk: Buffer): void {
    this.#upstream.cork()
    this.#passRequests(chunk)
    this.#upstream.uncork()
  }

  answered(chunk: Buffer): void {
    this.#client.cork()
    this.#passAnswers(chunk)
    this.#client.uncork()
  }

  #passRequests(chunk: Buffer): void {
    for (const message of this.#requests.take(chunk)) {
      if (this.#cut !== undefined) return
      this.#notice(message)
      if (message.type === 'S' && this.#writing) {
        this.#writing = false
        this.#cut = this.#take()
        if (this.#cut === 'before') {
          this.#destroy()
          return
        }
      }
      if (message.type === 'S' || message.type === 'Q') this.#owed += 1
      this.#upstream.write(message.bytes)
    }
  }

  #passAnswers(chunk: Buffer): void {
    for (const { type, bytes } of this.#answers.take(chunk)) {
      if (type === 'Z') this.#owed -= 1
      const held = this.#cut === 'at' || (this.#cut !== undefined && this.#owed <= 1)
      if (!held) this.#client.write(bytes)
      else this.#held.push(bytes)
      if (this.#cut === undefined || this.#owed > 0) continue
      if (this.#cut === 'at') {
        this.#destroy()
        return
      }
      const half = Buffer.concat(this.#held)
      this.#client.write(half.subarray(0, half.length / 2), () => this.#destroy())
    }
  }

  #notice(message: Message): void {
    const [first = '', second = ''] = textsOf(message)
    if (message.type === 'P') {
      if (WRITES.test(second)) this.#writes.add(first)
      else this.#writes.delete(first)
    }
    if (message.type === 'B' && this.#writes.has(second)) this.#writing = true
  }

  #destroy(): void {
    this.#client.destroy()
    this.#upstream.destroy()
  }
}
