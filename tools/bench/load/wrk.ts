import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Request } from '../data/work.ts'
import { CONNECTIONS, type Load } from './load-order.ts'

const SCRIPT = fileURLToPath(new URL('./wrk.lua', import.meta.url))
const execute = promisify(execFile)

/** @returns the name and version of the installed wrk; undefined if it is not installed. */
export function wrkVersion(): string | undefined {
  const { stdout } = spawnSync('wrk', ['--version'], { encoding: 'utf8' })
  return stdout?.match(/^wrk \S+/)?.[0].replace(/^wrk (debian\/)?/, 'wrk ')
}

/** @param folder for the file of requests that wrk.lua reads. */
export function startWrk(requests: readonly Request[], folder: string): Load {
  const lines = join(folder, 'requests.tsv')
  const line = ({ method, path, token, body = '' }: Request) =>
    `${method}\t${path}\t${token}\t${body}\n`
  writeFileSync(lines, requests.map(line).join(''))
  return {
    async run({ url, seconds }) {
      const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '30s', '-s', SCRIPT]
      const { stderr } = await execute('wrk', [...options, url, '--', lines])
      const { micros, p50, p99, ...counts } = JSON.parse(stderr) // of wrk.lua
      return {
        ...counts,
        requestsPerSecond: (counts.requests / micros) * 1e6,
        p50Ms: p50 / 1_000,
        p99Ms: p99 / 1_000,
      }
    },
    stop: () => {},
  }
}
