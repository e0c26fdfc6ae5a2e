import { setTimeout as sleep } from 'node:timers/promises'
import { check } from '../check/check.ts'
import type { Fault } from '../fault.ts'
import { Load } from '../load/load.ts'
import type { Versions } from '../scenes/versions.ts'
import { launch, type ServerProcess, startServer } from '../server-process.ts'

const BOTH_MS = 3_000
const REFUSED =
  /"The database has the migration 9\d{3}_newer\.sql, which this version does not know,/

/** Longer than a statement waits for a lock, so that some are refused. */
const LOCK_S = 4

const settings = ({ postgres }: Versions) => ({ DATABASE_URL: postgres.url })

/** Lets both versions serve for some time, and checks the changes that the newer one acknowledged. */
async function serveBeside(scene: Versions, newer: ServerProcess): Promise<number> {
  const prefix = `newer-${Date.now().toString(36)}`
  const beside = new Load({ port: () => newer.port, prefix, requestsPerSecond: 100 })
  await sleep(BOTH_MS)
  await beside.stop()
  newer.kill('SIGTERM')
  await newer.ended
  const { violations, counts } = beside.record
  const wrong = check(beside.record, await scene.truth(prefix)).map(({ text }) => text)
  wrong.push(...violations)
  if (wrong.length > 0) throw new Error(`the newer version: ${wrong.join('; ')}`)
  return counts.acknowledgedWrites
}

export const twoVersions: Fault<Versions> = {
  name: 'two-versions',
  what: 'a newer version adds a column and serves beside the old version, which rejects no request; when the old version is restarted, it exits with 1 and prints the reason',
  run: async (scene, { record }) => {
    const { folder, newerVersion } = scene
    record.troubled = false
    const root = newerVersion('alter table todo.tasks add column note text')
    const newer = await startServer({ folder, root, settings: settings(scene) })
    const writes = await serveBeside(scene, newer)
    const old = await launch({ folder, settings: settings(scene) })
    const code = await old.ended
    record.troubled = true
    if (code !== 1 || !REFUSED.test(old.log())) {
      throw new Error(`The old version started again: ${code}, ${old.log()}`)
    }
    return `${writes} writes acknowledged by the newer one`
  },
}

export const lockingMigration: Fault<Versions> = {
  name: 'locking-migration',
  what: `the migration of a newer version locks all tasks for ${LOCK_S} s while the old version serves`,
  run: async (scene) => {
    const { folder, newerVersion } = scene
    const root = newerVersion(
      `lock table todo.tasks in access exclusive mode; select pg_sleep(${LOCK_S})`,
    )
    const newer = await startServer({ folder, root, settings: settings(scene) })
    const writes = await serveBeside(scene, newer)
    return `${writes} writes acknowledged by the newer one`
  },
}
