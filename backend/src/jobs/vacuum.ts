import type { Log } from '../core/log/logger.ts'
import type { Connector } from '../database/connector.ts'
import { vacuumDead } from '../database/pglite/vacuum.ts'
import { type JobWatch, regularly } from './regularly.ts'

/** The more often, the fewer dead rows, and the shorter others wait for a vacuum. */
const EVERY_MS = 10 * 60_000

export interface VacuumOptions {
  readonly connector: Pick<Connector, 'direct'>
  readonly log: Log
  readonly everyMs?: number
  readonly watch?: JobWatch | undefined
}

/**
 * Vacuums the embedded database: all tables now, and every ten minutes those in which many rows are dead.
 *
 * @returns a function that ends it.
 */
export function vacuumRegularly({
  connector,
  log,
  everyMs = EVERY_MS,
  watch,
}: VacuumOptions): () => void {
  const failure = 'the embedded database could not be vacuumed'
  return regularly({ job: 'vacuum', everyMs, log, failure, watch }, async (signal, isFirst) => {
    const tables = await vacuumDead(connector, { all: isFirst, signal })
    if (tables.length > 0) log.debug({ tables }, 'vacuumed the embedded database')
  })
}
