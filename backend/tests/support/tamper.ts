import { Transform } from 'node:stream'

/** One message of the database's (PostgreSQL manual §54.7). */
export interface ServerMessage {
  readonly type: string
  readonly bytes: Buffer
}

/** The messages that answer one request; ReadyForQuery is the last. */
export type ServerAnswer = readonly ServerMessage[]

/** Does to an answer what a pooler with a fault would: what is sent on in its place. */
export type Tamper = (answer: ServerAnswer) => readonly ServerMessage[]

export function message(type: string, body: Buffer | string = ''): ServerMessage {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeInt32BE(4 + bytes.length, 1)
  return { type, bytes: Buffer.concat([head, bytes]) }
}

export const READY = message('Z', 'I')
export const complete = (tag: string) => message('C', `${tag}\0`)
export const error = (state: string, severity = 'ERROR') =>
  message('E', `S${severity}\0V${severity}\0C${state}\0Mtampered\0\0`)

/** A row of texts. */
export function row(...texts: string[]): ServerMessage {
  const count = Buffer.alloc(2)
  count.writeInt16BE(texts.length)
  const fields = texts.map((text) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(text))
    return Buffer.concat([length, Buffer.from(text)])
  })
  return message('D', Buffer.concat([count, ...fields]))
}

/** What the answers of one connection pass through; each is passed on when it has come whole. */
export class TamperedAnswers extends Transform {
  readonly #tamper: Tamper
  #rest: Buffer = Buffer.alloc(0)
  #answer: ServerMessage[] = []

  constructor(tamper: Tamper) {
    super()
    this.#tamper = tamper
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 5 && this.#rest.length > this.#rest.readInt32BE(1)) {
      const end = 1 + this.#rest.readInt32BE(1)
      const bytes = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      this.#answer.push({ type: String.fromCharCode(bytes[0] ?? 0), bytes })
      if (bytes[0] === READY.bytes[0]) {
        const passed = this.#tamper(this.#answer.splice(0))
        this.push(Buffer.concat(passed.map((one) => one.bytes)))
      } else if (this.#answer[0]?.type === 'R') {
        // The log-in has a dialogue before it is ready.
        this.push(this.#answer.shift()?.bytes)
      }
    }
    done()
  }
}
