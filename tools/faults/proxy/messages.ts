/** One message of PostgreSQL's protocol (manual §54.7). A client's first message has no type. */
export interface Message {
  readonly type: string
  readonly bytes: Buffer
}

const LENGTH_BYTES = 4

/** Splits a stream of bytes into whole messages. */
export class Messages {
  #rest: Buffer = Buffer.alloc(0)
  #untyped: boolean

  /** @param startsUntyped whether the first message is a client's startup message. */
  constructor(startsUntyped: boolean) {
    this.#untyped = startsUntyped
  }

  /** @returns the messages that have arrived completely. */
  take(chunk: Buffer): Message[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: Message[] = []
    for (;;) {
      const typeBytes = this.#untyped ? 0 : 1
      if (this.#rest.length < typeBytes + LENGTH_BYTES) return messages
      const end = typeBytes + this.#rest.readInt32BE(typeBytes)
      if (this.#rest.length < end) return messages
      const bytes = this.#rest.subarray(0, end)
      messages.push({ type: this.#untyped ? '' : String.fromCharCode(bytes[0] ?? 0), bytes })
      this.#untyped = false
      this.#rest = this.#rest.subarray(end)
    }
  }
}

/** The texts that a message begins with, each ended by a zero. */
export function textsOf({ bytes }: Message): string[] {
  return bytes
    .subarray(1 + LENGTH_BYTES)
    .toString('latin1')
    .split('\0')
}
