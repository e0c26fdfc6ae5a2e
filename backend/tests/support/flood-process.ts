/**
 * Sends requests at a server as they come due, whether or not it keeps up. A process of its own, so
 * that it is not held up by what it loads. Forked by flood.ts: one FloodOrder, then `all sent`, then one FloodResult.
 */
import { connect, type Socket } from 'node:net'
import type { Answers, FloodOrder, FloodResult } from './flood.ts'

const SECOND_MS = 1_000
/** Who has no answer by then will get none. */
const PATIENCE_MS = 20_000

class Client {
  readonly #order: FloodOrder
  readonly #idle: Socket[] = []
  /** When each request that has no connection yet was due. */
  readonly #due: number[] = []
  readonly #answers = new Map<string, { latenciesMs: number[]; firstMs: number; hurried: number }>()
  readonly #startedMs = performance.now()
  #sockets = 0
  #sent = 0
  #owed = 0

  constructor(order: FloodOrder) {
    this.#order = order
  }

  async run(): Promise<FloodResult> {
    const { perSecond, seconds, connections } = this.#order
    const total = perSecond === null ? Number.POSITIVE_INFINITY : perSecond * seconds
    const endMs = this.#startedMs + seconds * SECOND_MS
    let due = 0
    while (performance.now() < endMs) {
      if (perSecond === null) {
        while (this.#due.length + this.#owed < connections) this.#ask(performance.now())
      } else {
        const wanted = ((performance.now() - this.#startedMs) / SECOND_MS) * perSecond
        for (; due < Math.min(wanted, total); due += 1) {
          this.#ask(this.#startedMs + (due / perSecond) * SECOND_MS)
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    process.send?.('all sent')
    const neverSent = this.#due.splice(0).length
    const giveUpMs = performance.now() + PATIENCE_MS
    while (this.#owed > 0 && performance.now() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return { sent: this.#sent, neverSent, unanswered: this.#owed, answers: this.#summary() }
  }

  #ask(dueMs: number): void {
    const socket = this.#idle.pop()
    if (socket !== undefined) {
      this.#send(socket, dueMs)
      return
    }
    this.#due.push(dueMs)
    if (this.#sockets < this.#order.connections) this.#open()
  }

  #open(): void {
    this.#sockets += 1
    const socket = connect({ port: this.#order.port, host: '127.0.0.1' })
    socket.setNoDelay(true)
    socket.on('connect', () => this.#free(socket))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets -= 1
      const at = this.#idle.indexOf(socket)
      if (at >= 0) this.#idle.splice(at, 1)
    })
  }

  #free(socket: Socket): void {
    const dueMs = this.#due.shift()
    if (dueMs === undefined) this.#idle.push(socket)
    else this.#send(socket, dueMs)
  }

  #send(socket: Socket, dueMs: number): void {
    const { requests } = this.#order
    const request = requests[this.#sent % requests.length] ?? ''
    this.#sent += 1
    this.#owed += 1
    let head = ''
    let left = Number.NaN
    const settle = (outcome: string) => {
      socket.off('data', onData)
      socket.off('close', onClose)
      this.#owed -= 1
      this.#note(outcome, dueMs, /^retry-after: \d+\r$/im.test(head))
    }
    const onClose = () => settle('cut')
    const onData = (chunk: Buffer) => {
      if (Number.isNaN(left)) {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? Number.NaN)
        left = length - (head.length - end - 4)
        head = head.slice(0, end + 4)
      } else left -= chunk.length
      if (left > 0) return
      settle(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))
      this.#free(socket)
    }
    socket.on('data', onData)
    socket.on('close', onClose)
    socket.write(request)
  }

  #note(outcome: string, dueMs: number, hurried: boolean): void {
    const nowMs = performance.now()
    let noted = this.#answers.get(outcome)
    if (noted === undefined) {
      noted = { latenciesMs: [], firstMs: nowMs - this.#startedMs, hurried: 0 }
      this.#answers.set(outcome, noted)
    }
    noted.latenciesMs.push(nowMs - dueMs)
    if (hurried) noted.hurried += 1
  }

  #summary(): Record<string, Answers> {
    const entries = [...this.#answers].map(([outcome, { latenciesMs, firstMs, hurried }]) => {
      const sorted = Float64Array.from(latenciesMs).sort()
      const at = (share: number) =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
      const times = { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
      const answers = { count: sorted.length, firstMs: Math.round(firstMs), ...times }
      return [outcome, { ...answers, withRetryAfter: hurried }] as const
    })
    return Object.fromEntries(entries)
  }
}

process.on('message', async (order: FloodOrder) => {
  process.send?.(await new Client(order).run())
  process.disconnect()
  process.exit()
})
process.on('disconnect', () => process.exit())
