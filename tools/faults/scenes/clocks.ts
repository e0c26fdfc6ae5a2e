import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needFile } from '../programs.ts'
import { type OnPostgres, openOnPostgres } from './on-postgres.ts'

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

/** A server and a PostgreSQL, each with a clock that can be set. */
export interface WithClocks extends OnPostgres {
  /** @param seconds the difference from the true time. */
  setClock(whose: 'server' | 'database', seconds: number): void
}

/** @throws {NotTried} */
export async function openWithClocks(): Promise<WithClocks> {
  needFile(LIBRARY, 'faketime')
  const folder = mkdtempSync(join(tmpdir(), 'todo-clocks-'))
  const setClock: WithClocks['setClock'] = (whose, seconds) =>
    writeFileSync(file(whose), `${seconds < 0 ? '' : '+'}${seconds}`)
  const file = (whose: string) => join(folder, whose)
  const faked = (whose: string) => ({
    ...{ LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file(whose), FAKETIME_NO_CACHE: '1' },
    // Sets only the time of day, as people and NTP do, and not the monotonic clock.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  })
  for (const whose of ['server', 'database'] as const) setClock(whose, 0)
  const scene = await openOnPostgres({
    postgresEnvironment: faked('database'),
    // With the default of a minute, the server would accept a token that expired half a minute ago.
    settings: {
      ...faked('server'),
      CLOCK_TOLERANCE_SECONDS: '5',
      RATE_LIMIT_PER_MINUTE: '100000',
    },
  })
  const { close } = scene
  return Object.assign(scene, {
    setClock,
    close: async () => {
      await close()
      rmSync(folder, { recursive: true })
    },
  })
}
