import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from './session.ts'

const HEAD_LIMIT_MS = 10_000

/** A client that opens a stream of changes, reads until it has caught up, and then reads nothing more. */
export class StoppedReader {
  /** The text that it has read. */
  text = ''
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {}) // the server closes it
  }

  static async open(port: number, user: string): Promise<StoppedReader> {
    const socket = connect({ port, host: '127.0.0.1' })
    const reader = new StoppedReader(socket)
    await once(socket, 'connect')
    const token = await signToken(user)
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      reader.text += part
    })
    socket.write(
      [
        `GET /api/${user}/tasks/changes HTTP/1.1`,
        ...['host: localhost', 'accept: text/event-stream', `authorization: Bearer ${token}`],
        '\r\n',
      ].join('\r\n'),
    )
    await reader.#catchUp()
    return reader
  }

  /** The token after the last event that it has read whole, and the titles of the tasks up to there. */
  get position(): { readonly token: string | undefined; readonly titles: readonly string[] } {
    const whole = this.text.slice(0, this.text.lastIndexOf('\n\n') + 1)
    const titles = [...whole.matchAll(/^data: (\{"type".*)$/gm)].map(
      ([, json = '']) => JSON.parse(json).task.title,
    )
    return { token: [...whole.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1], titles }
  }

  /** Reads again. @returns whether the connection was closed meanwhile. */
  async goOn(limitMs: number): Promise<boolean> {
    this.#socket.resume()
    const limit = performance.now() + limitMs
    while (!this.#socket.closed && performance.now() < limit) await sleep(50)
    return this.#socket.closed
  }

  close(): void {
    this.#socket.destroy()
  }

  async #catchUp(): Promise<void> {
    const limit = performance.now() + HEAD_LIMIT_MS
    while (!this.text.includes('event: caught-up')) {
      if (performance.now() > limit) throw new Error(`no stream began: ${this.text.slice(0, 300)}`)
      await sleep(10)
    }
    this.#socket.pause()
  }
}
