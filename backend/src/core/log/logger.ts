import { constants, fstatSync, openSync } from 'node:fs'
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { atEnd } from './end.ts'
import { LogLines, STANDARD_OUTPUT } from './log-lines.ts'
import { describeError, redactText } from './redact.ts'

/** The part of a logger that this server uses. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/**
 * @param level the lowest level that is logged.
 * @param shared whether other processes write to the same standard output.
 * @returns a logger that writes JSON lines to standard output, or readable lines to a terminal.
 */
export async function createLogger(level: string, shared = false): Promise<Logger> {
  const lines = new LogLines(ownDescriptor(), shared)
  const logger = pino(loggerOptions(level), await destination(lines))
  lines.onRecovery = (lost) =>
    logger.warn({ lost }, 'Lines of the log were lost: nobody read them, or the disk was full')
  atEnd(lines)
  return logger
}

const WARNING = 40

/** Logs an error by its codes and stack frames, and removes secrets from messages. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    serializers: { err: (error: unknown) => describeError(error) },
    hooks: {
      logMethod(args, method, atLevel) {
        const [first, message]: unknown[] = args // any value that a library logs
        const err = first instanceof Error ? first : errorIn(first)
        if (err === undefined) {
          return method.apply(this, atLevel < WARNING ? args : redactTexts(args))
        }
        // Without a message pino would log the error's message, which is not redacted.
        const text = typeof message === 'string' ? redactText(message) : 'failed'
        method.apply(this, [first instanceof Error ? { err } : args[0], text])
      },
    },
  }
}

function redactTexts<Arguments extends unknown[]>(args: Arguments): Arguments {
  return args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg)) as Arguments // the same length
}

function errorIn(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'err' in given ? given.err : undefined
}

/**
 * Opens a non-blocking descriptor of this process's own if standard output is a pipe. The inherited
 * descriptor is shared with the parent and siblings, and each process that starts or ends makes it
 * blocking again for all. If the pipe cannot be opened (a container's pipe is root's), the inherited
 * descriptor is used.
 */
function ownDescriptor(): number {
  try {
    if (!fstatSync(STANDARD_OUTPUT).isFIFO()) return STANDARD_OUTPUT
    const { O_WRONLY, O_NONBLOCK } = constants
    return openSync(`/proc/self/fd/${STANDARD_OUTPUT}`, O_WRONLY | O_NONBLOCK)
  } catch {
    return STANDARD_OUTPUT
  }
}

/** Reading `process.stdout` also makes a pipe non-blocking. */
async function destination(lines: LogLines): Promise<DestinationStream> {
  if (!process.stdout.isTTY) return lines
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    ...{ ignore: 'pid,hostname', translateTime: 'HH:MM:ss', singleLine: true },
    colorize: true,
  })
  return { write: (line) => lines.write(pretty(line) ?? '') }
}
