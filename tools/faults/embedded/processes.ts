import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, NotTried } from '../fault.ts'
import { exchange } from '../load/exchange.ts'
import type { Load } from '../load/load.ts'
import { signToken } from '../load/session.ts'
import type { Embedded } from '../scenes/embedded.ts'
import { launch, startServer } from '../server-process.ts'

/** Times during the first start, from before its folder exists until it serves. */
const MOMENTS_MS = [300, 1_800, 4_500]

export const embeddedKilled: Fault<Embedded> = {
  name: 'embedded-sigkill',
  what: 'on the embedded database, SIGKILL ends the server, twice; another server replaces it',
  takes: 'server',
  run: async (scene) => {
    for (let time = 0; time < 2; time += 1) {
      scene.server.kill('SIGKILL')
      await scene.server.ended
      await scene.startAgain()
      await sleep(500)
    }
    return undefined
  },
}

/** @param under see ServerOptions. */
async function refuseSecond(
  { folder, url }: Embedded,
  { record }: Load,
  under: readonly string[] = [],
): Promise<undefined> {
  record.troubled = false
  const second = await launch({ folder, settings: { DATABASE_URL: url }, under })
  const code = await second.ended
  record.troubled = true
  const said = second.log().trim()
  if (
    code !== 1 ||
    !/^\{[^\n]*"The embedded database is in use by process \d+[^\n]*\}$/.test(said)
  ) {
    throw new Error(`the second ended with ${code}: ${said}`)
  }
}

export const secondProcess: Fault<Embedded> = {
  name: 'embedded-second-process',
  what: 'a second server starts on the same folder: it exits with 1 and prints the reason, and the first rejects no request',
  run: (scene, load) => refuseSecond(scene, load),
}

/** The namespaces of a container. The host name stays the same, as with a fixed one. */
const NAMESPACES = [
  'unshare',
  '--mount',
  '--pid',
  '--uts',
  '--fork',
  '--kill-child',
  '--mount-proc',
]

export const secondContainer: Fault<Embedded> = {
  name: 'embedded-second-container',
  what: 'a second server starts on the same folder with the same host name, in other namespaces, where it cannot see the first: it exits with 1 and prints the reason, and the first rejects no request',
  run: async (scene, load) => {
    const { status } = spawnSync('unshare', [...NAMESPACES.slice(1), 'true'], { stdio: 'ignore' })
    if (status !== 0) throw new NotTried('namespaces need to be made by root')
    return refuseSecond(scene, load, NAMESPACES)
  },
}

export const killedAtFirstStart: Fault<Embedded> = {
  name: 'embedded-first-start',
  what: `the first start in a new folder is killed after ${MOMENTS_MS.join(', ')} ms; the next start serves`,
  run: async ({ folder }) => {
    let unfinished = 0
    for (const momentMs of MOMENTS_MS) {
      const fresh = mkdtempSync(join(folder, 'first-'))
      const settings = { DATABASE_URL: `pglite:${fresh}` }
      const first = await launch({ folder, settings })
      await sleep(momentMs)
      first.kill('SIGKILL')
      await first.ended
      if (!existsSync(join(fresh, 'database'))) unfinished += 1
      const next = await startServer({ folder, settings })
      const asked = { port: next.port, method: 'POST', path: '/api/first/tasks' }
      const sending = { ...asked, token: await signToken('first'), body: { title: 'first' } }
      const answer = await exchange(sending, false)
      next.kill('SIGTERM')
      await next.ended
      rmSync(fresh, { recursive: true })
      if (typeof answer === 'string' || answer.status !== 201) {
        throw new Error(`after a kill at ${momentMs} ms: ${JSON.stringify(answer)}`)
      }
    }
    if (unfinished === 0) throw new Error('no first start was killed before its end')
    return `${unfinished} of ${MOMENTS_MS.length} had no database yet`
  },
}
