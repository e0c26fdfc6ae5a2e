import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithThisProcess } from '../servers/start-server.ts'

const PROGRAM = fileURLToPath(new URL('../servers/slow-statement.ts', import.meta.url))
const STATEMENT_MS = 2_000
const PROBE_ROWS = 1_000_000
const ASK_EVERY_MS = 4

/** The times of `/livez` while the embedded database executed one statement. */
export interface Liveness {
  readonly statementMs: number
  readonly asked: number
  readonly p99Ms: number
}

/** Requests `/livez` during a statement whose number of rows takes this machine two seconds. */
export async function measureLiveness(): Promise<Liveness> {
  const child = fork(PROGRAM, {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: 'pglite:memory',
      BETTER_AUTH_SECRET: 'x'.repeat(32),
      LOG_LEVEL: 'warn',
    },
  })
  endWithThisProcess(child)
  const exited = once(child, 'exit')
  const message = async () => {
    const ended = exited.then(([code]) =>
      Promise.reject(new Error(`The server ended with ${code}`)),
    )
    const [value] = await Promise.race([once(child, 'message'), ended])
    return value
  }
  const url = await message()
  const run = async (rows: number): Promise<number> => {
    child.send(rows)
    return message()
  }
  await run(PROBE_ROWS)
  const rows = Math.round((STATEMENT_MS / (await run(PROBE_ROWS))) * PROBE_ROWS)
  const agent = new Agent({ keepAlive: true })
  const latenciesMs: number[] = []
  let running = true
  const statement = run(rows).finally(() => {
    running = false
  })
  while (running) {
    latenciesMs.push(await ask(`${url}/livez`, agent))
    await sleep(ASK_EVERY_MS)
  }
  agent.destroy()
  const statementMs = await statement
  child.disconnect()
  await exited
  latenciesMs.sort((a, b) => a - b)
  return {
    statementMs,
    asked: latenciesMs.length,
    p99Ms: latenciesMs[Math.floor(0.99 * latenciesMs.length)] ?? Number.NaN,
  }
}

function ask(url: string, agent: Agent): Promise<number> {
  const startedMs = performance.now()
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(performance.now() - startedMs))
    }).on('error', reject)
  })
}
