import { arch, availableParallelism, cpus, platform } from 'node:os'
import type { Client } from 'pg'

/** The machine and the versions of a measurement. */
export interface Surroundings {
  /** ISO 8601 */
  readonly date: string
  readonly machine: { readonly cores: number; readonly model: string; readonly platform: string }
  readonly versions: { readonly node: string; readonly postgresql: string }
}

export async function surroundings(database: Client): Promise<Surroundings> {
  const { rows } = await database.query<{ server_version: string }>('show server_version')
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cores: availableParallelism(),
      model: cpus()[0]?.model ?? 'unknown',
      platform: `${platform()} ${arch()}`,
    },
    versions: { node: process.versions.node, postgresql: rows[0]?.server_version ?? 'unknown' },
  }
}

/** @param others further names with versions, as text. */
export function surroundingsLine(
  { date, machine, versions }: Surroundings,
  others: readonly string[] = [],
): string {
  return [
    date,
    `${machine.cores} × ${machine.model} (${machine.platform}), load, server and PostgreSQL on this one machine`,
    `Node ${versions.node}`,
    `PostgreSQL ${versions.postgresql}`,
    ...others,
  ].join(' · ')
}
