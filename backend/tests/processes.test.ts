import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { loadConfig } from '../src/core/config/config.ts'
import type { Environment } from '../src/core/config/settings.ts'
import { signToken } from '../src/core/token.ts'
import { type Answer, exchange, SECRET } from './support/app.ts'
import { migratedPostgres } from './support/databases.ts'
import { PATIENT_BOUNDS, run, type Serving, serve } from './support/process.ts'

const SERVES = /process (\d+) serves/g

const times = <Value>(count: number, make: () => Value) => Array.from({ length: count }, make)
const workersOf = (output: string) => [...output.matchAll(SERVES)].map(([, pid]) => Number(pid))

/** Kills one of the processes. The process id 0 would mean the group of this process. */
function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  assert.ok(pid, 'the process to kill has not served')
  process.kill(pid, signal)
}

/** Counts, and tells when it has reached a number. */
class Counter {
  count = 0
  readonly #waiting: { at: number; resolve: () => void }[] = []

  add(): void {
    this.count += 1
    for (const { at, resolve } of this.#waiting) if (this.count >= at) resolve()
  }

  reaches(at: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.count >= at) return resolve()
      this.#waiting.push({ at, resolve })
    })
  }
}

/** A signal stops a process a moment after it was sent. */
async function stopped(pid: number | undefined): Promise<void> {
  while (!/\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await nextTurn()
}

/** Waits until so many workers have listened since the start; their process ids, oldest first. */
async function workers(server: Serving, count: number): Promise<number[]> {
  return workersOf(await server.until(new RegExp(`(?:process \\d+ serves[\\s\\S]*){${count}}`)))
}

/** Settings of servers with several processes on one database of this file. */
let environment: Environment
let dropDatabase: () => Promise<void>
before(async () => {
  const made = await migratedPostgres()
  environment = {
    ...{ DATABASE_URL: made.url, DATABASE_POOL_MAX: '2' },
    ...{ WEB_CONCURRENCY: '2', RATE_LIMIT_PER_MINUTE: '100000', ACCOUNTS: 'off' },
  }
  dropDatabase = made.drop
})
after(() => dropDatabase())

const token = (user: string) =>
  signToken(loadConfig({ ...environment, BETTER_AUTH_SECRET: SECRET }), user)

/** A new task, of which the server has the head and not yet the body. */
async function begin(port: number, user: string, bearer: string) {
  const body = JSON.stringify({ title: 'under way' })
  const sending = request({
    ...{ host: '127.0.0.1', port, method: 'POST', path: `/api/${user}/tasks`, agent: false },
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      'content-length': body.length,
      expect: '100-continue',
    },
  })
  const answered = once(sending, 'response').then(([response]) => response.resume().statusCode)
  answered.catch(() => {}) // finish() rejects with it
  sending.flushHeaders()
  await once(sending, 'continue')
  return {
    finish: (): Promise<number> => {
      sending.end(body)
      return answered
    },
    drop: () => sending.destroy(),
  }
}

/** The process that has sent a response. */
const senderOf = ({ headers }: Answer) =>
  String(headers['x-request-id']).split('-').slice(0, -1).join('-')

/** Sends 60 requests more than the limit of a user, which two or more processes share. */
async function exceed(limit: number, { port }: Serving): Promise<void> {
  const headers = { authorization: `Bearer ${await token('mallory')}` }
  const answers: Answer[] = []
  let toSend = limit + 60
  const send = async () => {
    while (toSend > 0) {
      toSend -= 1
      // Each on a connection of its own, so that they go to all processes in turn. They count,
      // and ask the database nothing.
      answers.push(await exchange(port, 'GET', '/api/mallory/tasks/none', { headers }))
    }
  }
  await Promise.all(times(32, send))
  const admitted = answers.filter(({ status }) => status === 404)
  const refused = answers.filter(({ status }) => status === 429)
  assert.deepEqual([admitted.length, refused.length], [limit, 60])
  for (const answer of answers) {
    assert.equal(answer.headers['ratelimit-policy'], `"user";q=${limit};w=60`)
    assert.match(String(answer.headers.ratelimit), /^"user";r=\d+;t=\d+$/)
  }
  for (const answer of refused) {
    assert.match(String(answer.headers.ratelimit), /^"user";r=0;/)
    const seconds = Number(answer.headers['retry-after'])
    assert.ok(seconds > 0 && seconds <= 60)
  }
  const bob = { headers: { authorization: `Bearer ${await token('bob')}` } }
  assert.equal((await exchange(port, 'GET', '/api/bob/tasks', bob)).status, 200)
}

/** Ends the processes with a signal while they have requests of alice. @returns all that they have written. */
async function endWithRequests(
  server: Serving,
  signal: 'SIGINT' | 'SIGTERM',
  pids: readonly number[],
): Promise<string> {
  const bearer = await token('alice')
  const inProgress = await Promise.all(times(8, () => begin(server.port, 'alice', bearer)))
  // Ctrl-C reaches all of them, and the first twice.
  const everybody = signal === 'SIGINT'
  if (everybody) for (const pid of pids) kill(pid, signal)
  const ended = server.kill(signal)
  if (everybody) server.kill(signal).catch(() => undefined)
  await server.until(/finishing the requests in progress/)
  for (const { finish } of inProgress) assert.equal(await finish(), 201)
  const { code, output } = await ended
  assert.equal(code, 0, output)
  assert.doesNotMatch(output, /a replacement starts|"level":(50|60)/)
  assert.equal(output.match(/finishing the requests/g)?.length, 1)
  return output
}

describe('several processes on one port', { concurrency: 2 }, () => {
  describe('three of them', { concurrency: 1 }, () => {
    let server: Serving
    before(async () => {
      const settings = { WEB_CONCURRENCY: '3', RATE_LIMIT_PER_MINUTE: '20', ACCOUNTS: 'on' }
      server = await serve({ ...environment, ...settings })
    })

    it('each of them answers', async () => {
      assert.equal(new Set(await workers(server, 3)).size, 3)
      const seen = new Set<string>()
      while (seen.size < 3) {
        const answer = await exchange(server.port, 'GET', '/readyz', {})
        assert.equal(answer.status, 200)
        seen.add(senderOf(answer))
      }
    })

    it('all of them see a proxy that TRUST_PROXY does not contain, and they warn', async () => {
      const headers = { 'x-forwarded-for': '203.0.113.9' }
      const seen = new Set<string>()
      while (seen.size < 3) {
        seen.add(senderOf(await exchange(server.port, 'GET', '/livez', { headers })))
      }
      await server.until(/TRUST_PROXY=127\.0\.0\.1/)
    })

    it('429 beyond 20 requests of a user over all processes, and none before', () =>
      exceed(20, server))

    it('SIGTERM ends them with 0 when what is under way is answered; the first has greeted for all, and one has warned', async () => {
      const output = await endWithRequests(server, 'SIGTERM', await workers(server, 3))
      assert.equal(output.match(/listens on/g)?.length, 1)
      assert.equal(output.match(/TRUST_PROXY=127\.0\.0\.1/g)?.length, 1, output)
    })
  })

  describe('two of them', { concurrency: 1 }, () => {
    let server: Serving
    before(async () => {
      server = await serve({ ...environment, RATE_LIMIT_PER_MINUTE: '640' })
      await workers(server, 2)
    })

    it('429 beyond 640 requests of a user over all processes, and none before', () =>
      exceed(640, server))

    it('Ctrl-C, which reaches all of them and one twice, ends them with 0 when what is under way is answered', async () => {
      await endWithRequests(server, 'SIGINT', await workers(server, 2))
    })
  })

  describe('one that is killed', { concurrency: 1 }, () => {
    let server: Serving
    before(async () => {
      server = await serve(environment)
    })

    it('under load is replaced at once, and the answers that come are right', async () => {
      const [victim] = await workers(server, 2)
      const headers = { authorization: `Bearer ${await token('carol')}` }
      let going = true
      const statuses = new Set<number>()
      const answered = new Counter()
      const load = times(8, async () => {
        while (going) {
          const answer = await exchange(server.port, 'GET', '/api/carol/tasks', { headers }).catch(
            () => undefined, // it was on its way to the killed one
          )
          if (answer === undefined) continue
          statuses.add(answer.status)
          answered.add()
        }
      })
      await answered.reaches(20)
      kill(victim, 'SIGKILL')
      await workers(server, 3)
      await answered.reaches(answered.count + 20)
      going = false
      await Promise.all(load)
      assert.deepEqual([...statuses], [200])
      assert.match(
        await server.until(/ended \(SIGKILL\)/),
        new RegExp(`process ${victim} ended \\(SIGKILL\\); a replacement starts at once`),
      )
    })

    it('in the place of a killed one is replaced after a pause, and the others go on', async () => {
      const [, , next] = await workers(server, 3)
      // Before it has listened for long enough to be no failure of its start.
      kill(next, 'SIGKILL')
      await server.until(new RegExp(`process ${next} ended .* a replacement starts in 1 s`))
      for (const answer of await Promise.all(
        times(20, () => exchange(server.port, 'GET', '/readyz', {})),
      )) {
        assert.equal(answer.status, 200)
      }
      await workers(server, 4)
    })

    it('cuts the connection on its way to it, which does not wait for ever', async (t) => {
      if (process.platform !== 'linux') return t.skip('stopped processes are looked up in /proc')
      const [, victim] = await workers(server, 4)
      // It takes no connection any more, and is handed one all the same.
      kill(victim, 'SIGSTOP')
      await stopped(victim)
      const answered = new Counter()
      const asked = times(4, () =>
        exchange(server.port, 'GET', '/livez', {}).then(
          ({ status }) => {
            answered.add()
            return status
          },
          () => 'cut',
        ),
      )
      await answered.reaches(3)
      kill(victim, 'SIGKILL')
      assert.deepEqual((await Promise.all(asked)).sort(), [200, 200, 200, 'cut'])
      await server.until(new RegExp(`process ${victim} ended .* a replacement starts at once`))
    })

    it('may still be starting again when SIGTERM ends them with 0', async () => {
      const { code, output } = await server.kill('SIGTERM')
      assert.equal(code, 0, output)
    })
  })

  it('a second signal after a while ends them at once with 1', async () => {
    const stop = { ...PATIENT_BOUNDS.stop, sameSignalMs: 0 }
    const server = await serve(environment, { ...PATIENT_BOUNDS, stop })
    await workers(server, 2)
    const held = await begin(server.port, 'alice', await token('alice'))
    const ended = server.kill('SIGTERM')
    await server.until(/finishing the requests in progress/)
    server.kill('SIGTERM').catch(() => undefined)
    // It comes when nobody has the output open any more, so the workers have ended as well.
    assert.equal((await ended).code, 1)
    held.drop()
  })

  it('when the primary is killed, they answer what is under way and end', async () => {
    const server = await serve(environment)
    await workers(server, 2)
    const bearer = await token('alice')
    const inProgress = await Promise.all(times(4, () => begin(server.port, 'alice', bearer)))
    const ended = server.kill('SIGKILL')
    await server.exited
    for (const { finish } of inProgress) assert.equal(await finish(), 201)
    await ended
  })
})

describe('a start of several processes', { concurrency: 2 }, () => {
  let url: string
  let drop: () => Promise<void>
  before(async () => {
    const made = await migratedPostgres()
    url = made.url
    drop = made.drop
  })
  after(() => drop())

  const refused: [why: string, line: RegExp, environment: () => Environment][] = [
    ['a bad setting', /^PORT takes .*\n$/, () => ({ PORT: 'x' })],
    ['a bad number of them', /^WEB_CONCURRENCY takes .*\n$/, () => ({ WEB_CONCURRENCY: '65' })],
    [
      'the embedded database',
      /^WEB_CONCURRENCY above 1 needs PostgreSQL.*DATABASE_URL.*\n$/,
      () => ({ DATABASE_URL: 'pglite:memory' }),
    ],
    [
      'a database that does not exist',
      /^The database refused: database "nowhere" does not exist\. Create it .*\n$/,
      () => ({ DATABASE_URL: Object.assign(new URL(url), { pathname: '/nowhere' }).href }),
    ],
  ]
  for (const [why, line, environment] of refused) {
    it(`with ${why} ends with 1 and one line`, async () => {
      const { code, stderr } = await run('main.ts', [], {
        ...{ DATABASE_URL: url, PORT: '0', WEB_CONCURRENCY: '3' },
        ...environment(),
      })
      assert.equal(code, 1)
      assert.match(stderr, line)
    })
  }

  it('on a port in use ends with 1 and one line', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const settings = { DATABASE_URL: url, PORT: port, WEB_CONCURRENCY: '3' }
    const { code, stderr } = await run('main.ts', [], settings)
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`^Port ${port} is in use.*\n$`))
    taken.close()
  })
})
