import { Transform, type TransformCallback } from 'node:stream'

/** Longer than any message of our own programs. */
const MESSAGE_BYTES = 64 * 1024 * 1024
const LENGTH_BYTES = 4
const STARTUP_BYTES = 10_000

/** Codes in the place of a protocol version (PostgreSQL manual §54.7). */
const SSL = 80877103
const GSS = 80877104
const PROTOCOL_3 = 3
const NO = Buffer.from('N')

const TERMINATE = 'X'
/** The types of the messages that contain SQL. */
const WITH_SQL = 'QP'
const COPY_IN = /\bcopy\b[^;]*\bfrom\s+stdin\b/i
/** Queries of both kinds. Not COPY's data, which PGlite does not read in several messages, and no passwords. */
const ALLOWED = 'QPBDECSH'

/**
 * The same for everyone: PGlite ends with its process if a startup packet is not as it should be, for example
 * if it has no user.
 */
const STARTUP = startup({ user: 'postgres', database: 'postgres', client_encoding: 'UTF8' })

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters).flat().join('\0')
  const packet = Buffer.from(`\0\0\0\0\0\x03\0\0${text}\0\0`)
  packet.writeInt32BE(packet.length)
  return packet
}

/** Where the next message ends, and what the thread gets of it. */
interface Message {
  readonly end: number
  readonly bytes: Buffer
}

/**
 * Passes on whole messages of the protocol, because the thread needs whole ones, and only those that PGlite
 * survives. It has one session for all: a message after which PostgreSQL would end the session, such as a
 * cancel request, would end the server.
 */
export class ClientMessages extends Transform {
  #rest: Buffer = Buffer.alloc(0)
  #started = false
  readonly #respond: (bytes: Buffer) => void

  /** @param respond sends bytes to the client without the thread. */
  constructor(respond: (bytes: Buffer) => void) {
    super()
    this.#respond = respond
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole: Buffer[] = []
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        whole.push(next.bytes)
        this.#rest = this.#rest.subarray(next.end)
      }
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
      return
    }
    const bytes = Buffer.concat(whole)
    done(null, bytes.length === 0 ? undefined : bytes)
  }

  /** @returns undefined while the message has not arrived whole. @throws if it is not allowed. */
  #next(): Message | undefined {
    // The startup packet has no type.
    const lengthAt = this.#started ? 1 : 0
    if (this.#rest.length < lengthAt + LENGTH_BYTES) return undefined
    const length = this.#rest.readInt32BE(lengthAt)
    if (length < LENGTH_BYTES || length > (this.#started ? MESSAGE_BYTES : STARTUP_BYTES)) {
      throw new Error('The bytes are not a message of the PostgreSQL protocol')
    }
    const end = lengthAt + length
    if (this.#rest.length < end) return undefined
    const bytes = this.#rest.subarray(0, end)
    return { end, bytes: this.#started ? allowed(bytes) : this.#start(bytes) }
  }

  #start(packet: Buffer): Buffer {
    const code = packet.length < 2 * LENGTH_BYTES ? 0 : packet.readInt32BE(LENGTH_BYTES)
    if (code === SSL || code === GSS) {
      this.#respond(NO)
      return Buffer.alloc(0)
    }
    if (code >> 16 !== PROTOCOL_3) throw new Error('The connection does not start a session')
    this.#started = true
    return STARTUP
  }
}

/** @throws for other messages, and for the one that ends the connection. */
function allowed(message: Buffer): Buffer {
  const type = String.fromCharCode(message[0] ?? 0)
  if (type === TERMINATE) throw new Error('The client ended the connection')
  if (!ALLOWED.includes(type)) throw new Error(`The message ${type} is not supported`)
  if (WITH_SQL.includes(type) && COPY_IN.test(message.toString('utf8'))) {
    throw new Error('COPY FROM STDIN is not supported')
  }
  return message
}
