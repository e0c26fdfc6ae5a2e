import type { Log } from '../core/log/logger.ts'
import type { Connector } from '../database/connector.ts'
import { vacuumDead } from '../database/pglite/vacuum.ts'

/** The more often, the fewer dead rows, and the shorter others wait for a vacuum. */
const EVERY_MS = 10 * 60_000

export interface VacuumOptions {
  readonly connector: Pick<Connector, 'direct'>
  readonly log: Log
  readonly everyMs?: number
}

/**
 * Vacuums the embedded database: all tables now, and every ten minutes those in which many rows are dead.
 *
 * @returns a function that ends it.
 */
export function vacuumRegularly({ connector, log, everyMs = EVERY_MS }: VacuumOptions): () => void {
  const ending = new AbortController()
  const { signal } = ending
  let last: Promise<void> = Promise.resolve()
  const vacuum = (all: boolean) => {
    last = last
      .then(async () => {
        if (signal.aborted) return
        const tables = await vacuumDead(connector, { all, signal })
        if (tables.length > 0) log.debug({ tables }, 'vacuumed the embedded database')
      })
      .catch((err) => {
        if (!signal.aborted) log.warn({ err }, 'the embedded database could not be vacuumed')
      })
  }
  const timer = setInterval(() => vacuum(false), everyMs).unref()
  vacuum(true)
  return () => {
    clearInterval(timer)
    ending.abort()
  }
}
