import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Request } from '../data/work.ts'
import { endWithThisProcess } from '../servers/start-server.ts'
import type { Load, LoadResult } from './load-order.ts'

const PROGRAM = fileURLToPath(new URL('./autocannon-process.ts', import.meta.url))

/** @param folder for the file of requests that the process reads. */
export function startAutocannon(requests: readonly Request[], folder: string): Load {
  const file = join(folder, 'requests.json')
  writeFileSync(file, JSON.stringify(requests))
  const child = fork(PROGRAM, [file])
  endWithThisProcess(child)
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`The load process ended with ${code}`)
  })
  exited.catch(() => undefined) // stop() ends it as well
  return {
    async run(order) {
      child.send(order)
      const [message] = await Promise.race([once(child, 'message'), exited])
      const result: LoadResult = message // the only one autocannon-process.ts sends
      return result
    },
    stop: () => child.disconnect(),
  }
}
