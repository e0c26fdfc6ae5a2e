import type { Log } from '../core/log/logger.ts'
import type { Connector } from '../database/connector.ts'
import { vacuumDue } from '../database/pglite/vacuum.ts'
import { type JobWatch, regularly } from './regularly.ts'

/**
 * The more often, the fewer rows have changed: others wait for a vacuum for a shorter time, and no statement is executed for
 * long with the plan for a smaller table. Looking for tables to vacuum takes milliseconds.
 */
const EVERY_MS = 10_000

export interface VacuumOptions {
  readonly connector: Pick<Connector, 'direct'>
  readonly log: Log
  readonly everyMs?: number
  readonly watch?: JobWatch | undefined
}

/**
 * Vacuums the embedded database: all tables now, and every ten seconds those in which many rows are dead or new.
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
    const tables = await vacuumDue(connector, { all: isFirst, signal })
    if (tables.length > 0) log.debug({ tables }, 'vacuumed the embedded database')
  })
}
