import { type DestinationStream, type Logger, pino } from 'pino'

/** What code needs of a logger, the server's or a request's. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/** JSON lines, for machines; lines to read where a person watches. */
export async function createLogger(level: string): Promise<Logger> {
  return pino({ level }, await destination())
}

async function destination(): Promise<DestinationStream> {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: false })
  const { default: pretty } = await import('pino-pretty')
  return pretty({ ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss', singleLine: true })
}
