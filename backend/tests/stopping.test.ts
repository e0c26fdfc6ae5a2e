import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Agent } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../src/core/config/settings.ts'
import { STOP_LIMITS } from '../src/processes/stop.ts'
import { exchange } from './support/app.ts'
import { migratedPostgres } from './support/databases.ts'
import { makeFifo } from './support/fifo.ts'
import { freePort } from './support/free-port.ts'
import { PATIENT_BOUNDS, PROGRAM_ENVIRONMENT, serverWith } from './support/process.ts'
import { startProxy } from './support/proxy.ts'
import { startProcess } from './support/started.ts'

/** Nothing but the test itself ends what is under way. */
const PATIENT = serverWith(PATIENT_BOUNDS)
/** Gives up soon on what does not end. */
const IMPATIENT = serverWith({
  ...PATIENT_BOUNDS,
  stop: { ...PATIENT_BOUNDS.stop, requestsMs: 100, closeMs: 100, hangingMs: 250 },
})

type Target = number | 'pipe' | 'ignore'

async function start(
  server: readonly string[],
  environment: Environment,
  out: Target,
  err: Target,
) {
  const port = await freePort()
  const child = startProcess(process.execPath, server, {
    env: {
      ...{ ...PROGRAM_ENVIRONMENT, PORT: String(port) },
      // The stop with accounts is in main.test.ts.
      ...{ RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'info', ACCOUNTS: 'off', ...environment },
    },
    stdio: ['ignore', out, err],
  })
  const ended = once(child, 'exit')
  let isOver = false
  ended.then(() => {
    isOver = true
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const ask = (path: string) => exchange(port, 'GET', path, { agent })
  // Where its output goes, nobody can read that it listens.
  const ready = async () => {
    while ((await ask('/readyz').catch(() => undefined))?.status !== 200) {
      assert.ok(!isOver, 'it ended')
      await sleep(20)
    }
  }
  /** Log lines of 14 kB: together more than a pipe of 64 kB and the 1 MB that may wait before it. */
  const writeMuch = async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ask(`/${'x'.repeat(14_000)}`)),
    )
    assert.ok(answers.every(({ status }) => status === 404))
  }
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const [code, killedBy] = await ended
    agent.destroy()
    return killedBy ?? code
  }
  return { port, ask, ready, writeMuch, stop, ended }
}

const STILL = 'a pipe whose reader stands still'
const ONE = 'one process'

/** What can become of the place the log goes to: where a process writes, and what happens when it serves. */
const PLACES: Record<string, () => Promise<{ out: Target; err: Target; happen: () => unknown }>> = {
  'a pipe whose reader is gone': async () => {
    const fifo = await makeFifo()
    return { out: fifo.descriptor, err: 'ignore', happen: () => fifo.leave() }
  },
  [STILL]: async () => {
    const fifo = await makeFifo()
    return { out: fifo.descriptor, err: 'ignore', happen: () => fifo.stall() }
  },
  'one pipe with standard error, that nobody ever reads': async () => {
    const fifo = await makeFifo()
    fifo.stall()
    return { out: fifo.descriptor, err: fifo.descriptor, happen: () => {} }
  },
  'a full disk': async () => {
    const descriptor = openSync('/dev/full', 'w')
    return { out: descriptor, err: descriptor, happen: () => closeSync(descriptor) }
  },
}

describe('a stop', { concurrency: 2 }, () => {
  let url: string
  let drop: () => Promise<void>
  before(async () => {
    const made = await migratedPostgres()
    url = made.url
    drop = made.drop
  })
  after(() => drop())

  const SERVERS: Record<string, () => Promise<Environment>> = {
    [ONE]: async () => ({ DATABASE_URL: url }),
    'two processes': async () => ({
      ...{ DATABASE_URL: url, DATABASE_POOL_MAX: '2', WEB_CONCURRENCY: '2' },
    }),
  }
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGTERM'] as const
  for (const [server, settings] of Object.entries(SERVERS)) {
    for (const [n, [place, make]] of Object.entries(PLACES).entries()) {
      // The next test shows it, where the reader also reads on in between.
      if (place === STILL && server === ONE) continue
      const signal = signals[n] ?? 'SIGTERM'
      it(`ends with 0 after ${signal} while it serves, with its log in ${place}: ${server}`, async () => {
        const { out, err, happen } = await make()
        const { ready, writeMuch, stop } = await start(PATIENT, await settings(), out, err)
        await ready()
        await happen()
        await writeMuch()
        assert.equal(await stop(signal), 0)
      })
    }
  }

  it(`ends with 0 after SIGHUP while it serves, with its log in ${STILL}, reads how many lines were lost, and stands still again: ${ONE}`, async () => {
    const { descriptor, stall, flow } = await makeFifo()
    const settings = { DATABASE_URL: url }
    const { ready, writeMuch, stop } = await start(PATIENT, settings, descriptor, 'ignore')
    await ready()
    stall()
    await writeMuch()
    assert.match(await flow(/"lost":\d+/), /"lost":[1-9]\d*,"msg":"Lines of the log were lost/)
    stall()
    await writeMuch()
    assert.equal(await stop('SIGHUP'), 0)
  })

  it('ends with 0 where standard output and standard error are closed', async () => {
    const port = await freePort()
    const script = 'exec "$0" "$@" >&- 2>&-'
    const child = startProcess('sh', ['-c', script, process.execPath, ...PATIENT], {
      env: { ...PROGRAM_ENVIRONMENT, PORT: String(port), DATABASE_URL: url, ACCOUNTS: 'off' },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    while ((await exchange(port, 'GET', '/readyz', {}).catch(() => undefined))?.status !== 200) {
      assert.equal(child.exitCode, null)
      await sleep(20)
    }
    child.kill('SIGHUP')
    assert.deepEqual(await ended, [0, null])
  })

  for (const processes of ['1', '2']) {
    it(`ends what is under way when its time is over, with nobody reading the log: WEB_CONCURRENCY=${processes}`, async () => {
      const proxy = await startProxy(url)
      const fifo = await makeFifo()
      fifo.stall()
      const { descriptor } = fifo
      const settings = { DATABASE_URL: proxy.url, WEB_CONCURRENCY: processes }
      const server = await start(IMPATIENT, settings, descriptor, descriptor)
      await server.ready()
      await server.writeMuch()
      proxy.freeze(true)
      const inProgress = server.ask('/readyz').catch(() => 'cut')
      // It has been asked: what it is asked after that, on another connection, it has answered.
      await server.ask('/livez')
      assert.notEqual(await server.stop('SIGTERM'), 0)
      await inProgress
      await proxy.close()
    })
  }

  it('kills a process whose event loop stands still', async () => {
    const program = `
      import { killAfter } from ${JSON.stringify(new URL('../src/processes/stop.ts', import.meta.url))}
      killAfter(100)
      for (;;);`
    const parameters = ['--input-type=module-typescript', '--eval', program]
    const child = startProcess(process.execPath, parameters, { stdio: 'ignore' })
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  })

  it('has ended within 10 s of its signal: the limits leave time for one after the other', () => {
    const { requestsMs, closeMs, hangingMs, lastMs } = STOP_LIMITS
    assert.ok(requestsMs + closeMs < hangingMs && hangingMs < lastMs && lastMs < 10_000)
  })
})
