/**
 * Sends requests to a server as they come due, whether or not it keeps up. It is a separate process, so
 * that the server does not slow it down. flood.ts forks it and sends it a FloodOrder; it answers with
 * `all but` when everything is sent and at most `allBut` requests are unanswered, then with a FloodResult.
 */
import { connect, type Socket } from 'node:net'
import type { FloodOrder, FloodResult } from './flood.ts'

const SECOND_MS = 1_000
/** A request without an answer by then will get none. */
const PATIENCE_MS = 300_000

class Client {
  readonly #order: FloodOrder
  readonly #idle: Socket[] = []
  readonly #answers: Record<string, { count: number; withRetryAfter: number }> = {}
  readonly #startedMs = performance.now()
  /** The requests that have no connection yet. */
  #due = 0
  #sockets = 0
  #sent = 0
  #owed = 0

  constructor(order: FloodOrder) {
    this.#order = order
  }

  async run(): Promise<FloodResult> {
    const { perSecond, seconds, connections, allBut } = this.#order
    const total = perSecond === null ? Number.POSITIVE_INFINITY : perSecond * seconds
    const elapsedSeconds = () => (performance.now() - this.#startedMs) / SECOND_MS
    let due = 0
    // On a slow machine the requests take longer to send, and all of them are sent.
    while (due < total && (perSecond !== null || elapsedSeconds() < seconds)) {
      const wanted =
        perSecond === null
          ? due + connections - this.#due - this.#owed
          : Math.min(elapsedSeconds() * perSecond, total)
      for (; due < wanted; due += 1) this.#ask()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    if (perSecond === null) this.#due = 0
    await this.#untilOpen(allBut)
    process.send?.('all but')
    await this.#untilOpen(0)
    return { sent: this.#sent, unanswered: this.#due + this.#owed, answers: this.#answers }
  }

  async #untilOpen(most: number): Promise<void> {
    const giveUpMs = performance.now() + PATIENCE_MS
    while (this.#due + this.#owed > most && performance.now() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  #ask(): void {
    const socket = this.#idle.pop()
    if (socket !== undefined) {
      this.#send(socket)
      return
    }
    this.#due += 1
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
    if (this.#due === 0) {
      this.#idle.push(socket)
      return
    }
    this.#due -= 1
    this.#send(socket)
  }

  #send(socket: Socket): void {
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
      this.#note(outcome, /^retry-after: \d+\r$/im.test(head))
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

  #note(outcome: string, retryAfter: boolean): void {
    this.#answers[outcome] ??= { count: 0, withRetryAfter: 0 }
    const noted = this.#answers[outcome]
    noted.count += 1
    if (retryAfter) noted.withRetryAfter += 1
  }
}

process.on('message', async (order: FloodOrder) => {
  process.send?.(await new Client(order).run())
  process.disconnect()
  process.exit()
})
process.on('disconnect', () => process.exit())
