import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import type { OnSmallDisk } from '../scenes/on-small-disk.ts'

const FULL_MS = 3_000
/** The number of WAL switches that use up the preallocated segments. */
const SWITCHES = 8

export const fullDisk: Fault<OnSmallDisk> = {
  name: 'full-disk',
  what: 'the disk of PostgreSQL is full for at least 3 s, until PostgreSQL cannot write its log and ends; then space is freed, and PostgreSQL is started again if it ended',
  run: async ({ disk, postgres, asAdmin }) => {
    disk.fill()
    await sleep(FULL_MS)
    // PostgreSQL panics if it cannot write its WAL.
    const switching = asAdmin(async (admin) => {
      for (let time = 0; time < SWITCHES; time += 1) {
        await admin.query('create table if not exists public.filling (it int)')
        await admin.query('insert into public.filling values (1); select pg_switch_wal()')
      }
    })
    const panicked = await switching.then(
      () => false,
      () => true,
    )
    disk.free()
    for (let up = false; !up; ) {
      await sleep(100)
      await postgres.startIfEnded()
      up = await asAdmin((admin) => admin.query('select 1')).then(
        () => true,
        () => false,
      )
    }
    return panicked ? 'PostgreSQL panicked' : 'PostgreSQL went on'
  },
}
