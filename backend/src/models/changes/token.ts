/**
 * A position in the feed of a user. A token is opaque for clients, names no user, and is no secret: with the
 * token of another user, a client still reads its own tasks.
 */
export interface Position {
  /** Of the database. A restored database has another one, because its numbers begin again. */
  readonly epoch: number
  /** The number of the last change that the client has read. A decimal integer. */
  readonly seq: string
  /** When the token was issued, in minutes since 1970. Tokens expire. */
  readonly minute: number
}

/** The form of a token: 16 bytes in base64url, of which the first is the version. */
export const TOKEN = '^A[Q-Za-f][A-Za-z0-9_-]{19}[AQgw]$'
const VERSION = 1
const BYTES = { version: 1, epoch: 4, seq: 7, minute: 4 }

export function writeToken({ epoch, seq, minute }: Position): string {
  const digits = BigInt(seq)
    .toString(16)
    .padStart(2 * BYTES.seq, '0')
  const numbers = Buffer.alloc(BYTES.version + BYTES.epoch)
  numbers.writeUInt8(VERSION)
  numbers.writeInt32BE(epoch, BYTES.version)
  const time = Buffer.alloc(BYTES.minute)
  time.writeUInt32BE(minute)
  return Buffer.concat([numbers, Buffer.from(digits, 'hex'), time]).toString('base64url')
}

/** @param token matches {@link TOKEN}. */
export function readToken(token: string): Position {
  const bytes = Buffer.from(token, 'base64url')
  const seqAt = BYTES.version + BYTES.epoch
  const minuteAt = seqAt + BYTES.seq
  return {
    epoch: bytes.readInt32BE(BYTES.version),
    seq: BigInt(`0x${bytes.subarray(seqAt, minuteAt).toString('hex')}`).toString(),
    minute: bytes.readUInt32BE(minuteAt),
  }
}
