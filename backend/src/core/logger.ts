import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { describeError, redactText } from './redact.ts'

/** What code needs of a logger, the server's or a request's. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/**
 * Lines are written together, this many bytes at a time or after this long: one write for each
 * would be a tenth of what a request costs. A process that ends by itself writes what is left.
 */
const PIECE_BYTES = 16_384
const LATEST_MS = 100
/** A pipe takes that in one piece (PIPE_BUF of Linux), so that lines of two processes do not mix. */
const SHARED_PIECE_BYTES = 4_096

/**
 * JSON lines, for machines; lines to read where a person watches.
 *
 * @param shared whether other processes write to the same place.
 */
export async function createLogger(level: string, shared = false): Promise<Logger> {
  return pino(loggerOptions(level), await destination(shared))
}

const WARNING = 40

/** How every line is made: an error by its codes and frames, and no secret in a message. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    serializers: { err: (error: unknown) => describeError(error) },
    hooks: {
      logMethod(args, method, atLevel) {
        const [first, message]: unknown[] = args // whatever a library logs
        const err = first instanceof Error ? first : errorIn(first)
        if (err === undefined) {
          return method.apply(this, atLevel < WARNING ? args : redactTexts(args))
        }
        // Without a message pino would take the error’s own.
        const text = typeof message === 'string' ? redactText(message) : 'failed'
        method.apply(this, [first instanceof Error ? { err } : args[0], text])
      },
    },
  }
}

function redactTexts<Arguments extends unknown[]>(args: Arguments): Arguments {
  return args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg)) as Arguments // as many
}

function errorIn(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'err' in given ? given.err : undefined
}

async function destination(shared: boolean): Promise<DestinationStream> {
  if (!process.stdout.isTTY) {
    const piece = shared ? SHARED_PIECE_BYTES : PIECE_BYTES
    return pino.destination({
      dest: 1,
      sync: false,
      minLength: piece - 1,
      maxWrite: piece,
      periodicFlush: LATEST_MS,
    })
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({ ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss', singleLine: true })
}
