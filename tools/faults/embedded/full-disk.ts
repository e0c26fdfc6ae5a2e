import { randomBytes } from 'node:crypto'
import type { Fault } from '../fault.ts'
import { exchange } from '../load/exchange.ts'
import { signToken } from '../load/session.ts'
import type { EmbeddedOnSmallDisk } from '../scenes/embedded-on-small-disk.ts'

const FULL_MS = 12_000
const AT_ONCE = 4

export const embeddedFullDisk: Fault<EmbeddedOnSmallDisk> = {
  name: 'embedded-full-disk',
  what: 'the disk of the embedded database is full for 12 s while clients write long tasks: the server rejects them, or exits with 1 and prints the reason; when space is freed, it serves again, or another server replaces it',
  takes: 'server',
  run: async ({ disk, server, startAgain }) => {
    disk.fill()
    const limitMs = performance.now() + FULL_MS
    const token = await signToken('long')
    const asked = { port: server.port, method: 'POST', path: '/api/long/tasks', token }
    let refused = 0
    const fill = async () => {
      while (server.runs() && performance.now() < limitMs) {
        const body = { title: 'long', description: randomBytes(6_000).toString('base64') }
        const answer = await exchange({ ...asked, body }, false)
        if (typeof answer === 'object' && answer.status === 503) refused += 1
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, fill))
    disk.free()
    if (server.runs()) {
      if (refused === 0) throw new Error('The server refused nothing')
      return 'it refused, and served on'
    }
    const ended = await server.ended
    if (ended !== 1) throw new Error(`The server ended with ${ended}`)
    if (!server.log().includes('The embedded database has failed')) {
      throw new Error(`The log of the server is ${server.log().slice(-500)}`)
    }
    await startAgain()
    return 'it ended, and was started again'
  },
}
