import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { scryptPasswords } from '../../../backend/src/accounts/passwords.ts'
import type { Environment } from '../../../backend/src/core/config/settings.ts'
import { LIMITS } from '../../../backend/src/core/limits.ts'
import { dateInZone } from '../../../backend/src/core/recurrence/calendar-date.ts'
import { embeddedFolder, migratedPostgres } from '../../../backend/tests/support/databases.ts'
import { type Run, run } from '../../../backend/tests/support/process.ts'
import { startServer } from '../../../backend/tests/support/served.ts'
import { sampleTasks } from '../sample-tasks.ts'

const SEED = '../../tools/dev/seed.ts'
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
const TODAY = dateInZone(new Date(), ZONE)
const SAMPLE_IDS = new Set(sampleTasks(TODAY).flatMap(({ tasks }) => tasks.map(({ id }) => id)))

interface SeededTask {
  readonly id: string
  readonly parent_id: string | null
  readonly recurrence: object | null
  readonly tags: readonly string[]
  readonly due_time: string | null
}

/** Asserts that every member of a task and every view of the list has something to show. */
function assertIsALife(
  tasks: readonly SeededTask[],
  { by_priority, ...counts }: Record<string, number> & { by_priority: Record<string, number> },
): void {
  for (const [name, count] of Object.entries({ ...counts, ...by_priority })) {
    assert.ok(count > 0, `${name} is ${count}`)
  }
  for (const isThere of [
    ({ parent_id }: SeededTask) => parent_id !== null,
    ({ recurrence }: SeededTask) => recurrence !== null,
    ({ tags }: SeededTask) => tags.length > 0,
    ({ due_time }: SeededTask) => due_time !== null,
  ]) {
    assert.ok(tasks.some(isThere), isThere.toString())
  }
}

/** The printed facts of each person: the address or id, the path of the tasks, and the token. */
const peopleIn = (printed: string) =>
  [...printed.matchAll(/^(\S+)\n {2}TASKS=(\S+)\n {2}TOKEN=(\S+)$/gm)].map(
    ([, login = '', tasks = '', token = '']) => ({ login, path: new URL(tasks).pathname, token }),
  )

describe('npm run seed, for people with accounts', () => {
  let url: string
  let environment: Environment
  let drop: () => Promise<void>
  before(async () => {
    const made = await migratedPostgres()
    url = made.url
    environment = { DATABASE_URL: url }
    drop = made.drop
  })
  after(() => drop())

  let first: Run
  it('makes 200 tasks of three people', async () => {
    first = await run(SEED, [], environment)
    assert.deepEqual([first.code, first.stderr], [0, ''])
    assert.match(first.stdout, /^200 tasks of 3 people, 200 of them new\n/)
  })

  let second: Run
  it('changes nothing when it runs again', async () => {
    second = await run(SEED, [], environment)
    assert.deepEqual([second.code, second.stderr], [0, ''])
    assert.match(second.stdout, /^200 tasks of 3 people, 0 of them new\n/)
    const [again, before] = [second, first].map(({ stdout }) =>
      peopleIn(stdout).map(({ login, path }) => [login, path]),
    )
    assert.deepEqual(again, before)
  })

  it('prints how to sign in as each of them, and a token for the tasks', async () => {
    const server = await startServer(url, {}, LIMITS, { passwords: scryptPasswords() })
    const at = `http://127.0.0.1:${server.port}`
    const people = peopleIn(second.stdout)
    const ids: string[] = []
    for (const { login, path, token } of people) {
      const read = async (rest = '') => {
        const response = await fetch(at + path + rest, {
          headers: { authorization: `Bearer ${token}` },
        })
        assert.equal(response.status, 200)
        return JSON.parse(await response.text())
      }
      const [tasks, trash] = [await read(), await read('/trash')]
      assertIsALife(tasks, await read(`/summary?today=${TODAY}&time_zone=${ZONE}`))
      assert.ok(trash.length > 0)
      const [top] = await read('?sort=position')
      assert.match(top.title, /^(Plan|Read|Choose)/)
      // The occurrences that seed completed have made others.
      const made = tasks.filter(({ id }: SeededTask) => !SAMPLE_IDS.has(id))
      assert.ok(made.every(({ recurrence }: SeededTask) => recurrence !== null))
      for (const { id } of [...tasks, ...trash]) if (SAMPLE_IDS.has(id)) ids.push(id)
      const [, password] = /the password "([^"]+)"/.exec(second.stdout) ?? []
      const signIn = await fetch(`${at}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: login, password }),
      })
      assert.equal(signIn.status, 200, login)
    }
    assert.deepEqual([ids.length, new Set(ids).size], [200, 200])
    await server.close()
  })
})

describe('npm run seed', () => {
  it('gives tasks to users without accounts where ACCOUNTS is off', async () => {
    const settings = { DATABASE_URL: `pglite:${await embeddedFolder('migrated')}`, ACCOUNTS: 'off' }
    const { code, stdout } = await run(SEED, [], settings)
    assert.equal(code, 0)
    assert.deepEqual(
      peopleIn(stdout).map(({ login, path }) => [login, path]),
      ['alice', 'bob', 'carol'].map((id) => [id, `/api/${id}/tasks`]),
    )
  })

  it('refuses production, and a database that ends with the command', async () => {
    const [production, memory] = await Promise.all([
      run(SEED, [], { DATABASE_URL: 'postgres://127.0.0.1:1/x', NODE_ENV: 'production' }),
      run(SEED, [], { DATABASE_URL: 'pglite:memory' }),
    ])
    assert.deepEqual([production.code, production.stdout], [1, ''])
    assert.match(production.stderr, /^Sample data is refused when NODE_ENV is production[^\n]*\n$/)
    assert.deepEqual([memory.code, memory.stdout], [1, ''])
    assert.match(memory.stderr, /^DATABASE_URL is pglite:memory[^\n]*\n$/)
  })
})
