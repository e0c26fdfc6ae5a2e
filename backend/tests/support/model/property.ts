import { randomInt } from 'node:crypto'
import { Agent } from 'node:http'
import fc from 'fast-check'
import { SignJWT } from 'jose/jwt/sign'
import { type Answer, exchange, SECRET, startApp, type TestApp } from '../app.ts'
import type { Kind } from '../databases.ts'
import { History, markOf } from './history.ts'
import { REQUEST_ID } from './judge.ts'
import { PERSONS, type Step, steps } from './plans.ts'
import { headersOf, type Person, payloadOf, type TaskRequest, targetOf } from './request.ts'
import type { Done, Task, World } from './task-model.ts'

export interface Setup {
  readonly kind: Kind
  /** Connections to the database; the embedded one has one. */
  readonly poolMax: number
}

/** Where the model is compared with the server. */
export const SETUPS: readonly Setup[] = [
  { kind: 'pglite', poolMax: 1 },
  { kind: 'postgres', poolMax: 1 },
  { kind: 'postgres', poolMax: 2 },
]

export interface Search {
  /** How many histories. */
  readonly runs: number
  readonly seed?: number | undefined
  /** Of a failure before: leads to its shortest history at once. */
  readonly path?: string | undefined
}

export interface Found {
  readonly seed: number
  readonly requests: number
  /** How often each status was answered, those with a first answer again by themselves. */
  readonly statuses: ReadonlyMap<string, number>
  /** Seed, path and the shortest history that fails, for people to read. */
  readonly failure: string | undefined
}

const MOST_STEPS = 60
/** A failure is made shorter for so long. */
const PATIENCE_MS = 60_000
/** A shorter history whose requests race does not fail each time. */
const RACES = 5
const SOCKETS = 4

/** Runs random histories over the app that `main.ts` runs, on a database of its own. */
export async function search(
  { kind, poolMax }: Setup,
  { runs, seed = randomInt(2 ** 31), path }: Search,
): Promise<Found> {
  const test = await startApp(kind, { DATABASE_POOL_MAX: String(poolMax) })
  const sockets = Array.from(
    { length: SOCKETS },
    () => new Agent({ keepAlive: true, maxSockets: 1 }),
  )
  try {
    const client = new Client(test, sockets)
    const model: Rows = { users: [], tasks: [], keys: [] }
    let run = 0
    const play = async (planned: readonly Step[]): Promise<World> => {
      run += 1
      // Of earlier histories all rows stay, as more of what nobody may see.
      const people = await client.people(run)
      const history = new History(people, (request) => client.send(request))
      for (const step of planned) await history.take(step)
      await history.readAll()
      return history.world
    }
    let shortenUntilMs: number | undefined
    const property = fc.asyncProperty(steps(MOST_STEPS), async (planned) => {
      const isShorter = shortenUntilMs !== undefined
      if (performance.now() > (shortenUntilMs ?? Number.POSITIVE_INFINITY)) return
      const attempts = isShorter && planned.some(isAtOnce) ? RACES : 1
      try {
        for (let attempt = 0; attempt < attempts; attempt += 1) add(model, await play(planned))
      } catch (error) {
        shortenUntilMs ??= performance.now() + PATIENCE_MS
        throw error
      }
    })
    const details = await fc.check(property, {
      numRuns: runs,
      seed,
      ...(path !== undefined && { path }),
    })
    const again = `--seed ${details.seed} --runs ${runs} --on ${kind} --pool ${poolMax}`
    const failure = details.failed
      ? [
          `npm run test:model -- ${again} --path ${details.counterexamplePath}`,
          '(without --path where it takes what earlier histories left behind)',
          `after ${details.numRuns} histories, made shorter ${details.numShrinks} times:`,
          details.errorInstance instanceof Error ? details.errorInstance.message : '',
        ].join('\n')
      : await compareRows(test, model)
    const { requests, statuses } = client
    return { seed: details.seed, requests, statuses, failure }
  } finally {
    for (const agent of sockets) agent.destroy()
    await test.close()
  }
}

const isAtOnce = ({ plans, copies }: Step) => plans.length * copies > 1

/** Sends requests through a few sockets that stay open and are shared by everybody. */
class Client {
  requests = 0
  readonly statuses = new Map<string, number>()
  readonly #test: TestApp
  readonly #sockets: readonly Agent[]
  readonly #tokens = new Map<string, string>()

  constructor(test: TestApp, sockets: readonly Agent[]) {
    this.#test = test
    this.#sockets = sockets
  }

  /** Users nobody was before, whose ids are easily taken for one another. */
  async people(run: number): Promise<Person[]> {
    const ids = [`alice-${run}`, `Alice-${run}`, `auth0|bob/${run} é`, `%61lice-${run}`]
    const names = ['alice', 'ALICE', 'bob', '%61lice']
    for (const id of ids) this.#tokens.set(id, await this.#test.token(id))
    return Array.from({ length: PERSONS }, (_, n) => ({
      ...{ name: names[n] ?? '', id: ids[n] ?? '', mark: markOf(run, n) },
    }))
  }

  async send(request: TaskRequest): Promise<Answer> {
    const bearer = await this.#bearer(request)
    const raw = payloadOf(request.body)
    const agent = this.#sockets[request.connection % this.#sockets.length]
    const answer = await exchange(this.#test.port, request.method, targetOf(request), {
      headers: {
        ...headersOf(request),
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        'x-request-id': REQUEST_ID,
      },
      ...(raw !== undefined && { raw }),
      ...(agent !== undefined && { agent }),
    })
    this.requests += 1
    const again = answer.headers['idempotency-replayed'] === 'true' ? ' again' : ''
    const status = `${answer.status}${again}`
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    return answer
  }

  async #bearer({ bearer, owner }: TaskRequest): Promise<string | undefined> {
    if (bearer === 'none') return undefined
    if (bearer === 'expired') return expiredToken(owner.id)
    const own = this.#tokens.get(owner.id) ?? ''
    if (bearer !== 'forged') return this.#tokens.get(bearer.id)
    // What the owner's token says, with the signature of somebody else's.
    const [other = ''] = [...this.#tokens]
      .filter(([id]) => id !== owner.id)
      .map(([, token]) => token)
    return own.replace(/[^.]+$/, other.split('.')[2] ?? '')
  }
}

function expiredToken(userId: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setExpirationTime(Math.floor(Date.now() / 1000) - 120)
    .sign(new TextEncoder().encode(SECRET))
}

/** All that is to be there when all is over. */
interface Rows {
  readonly users: string[]
  readonly tasks: Task[]
  readonly keys: Done[]
}

function add({ users, tasks, keys }: Rows, world: World): void {
  users.push(...world.tasks.keys())
  tasks.push(...[...world.tasks.values()].flat())
  keys.push(...world.done.values())
}

async function compareRows(test: TestApp, model: Rows): Promise<string | undefined> {
  const instant = (column: string) =>
    `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${column}`
  const tasks = await test.admin(
    `select id, user_id, title, description, completed, ${instant('completed_at')},
       (array['none', 'low', 'medium', 'high'])[priority + 1] as priority, tags, due_date::text,
       left(due_time::text, 5) as due_time, due_zone, ${instant('due_at')}, recurrence, series_id, parent_id, position, ${instant('created_at')}, ${instant('updated_at')} from todo.tasks where deleted_at is null`,
  )
  const users = await test.admin('select id from todo.users')
  const keys = await test.admin('select user_id, key, answer from todo.idempotency_keys')
  const found = lines(
    tasks,
    users.map(({ id }) => id),
    keys.map(({ user_id, key, answer }) => [user_id, key, JSON.parse(String(answer))]),
  )
  const expected = lines(
    model.tasks,
    model.users,
    model.keys.map(({ userId, key, task }) => [userId, key, task]),
  )
  if (found.join() === expected.join()) return undefined
  const [had, wanted] = [new Set(found), new Set(expected)]
  const extra = found.filter((line) => !wanted.has(line)).slice(0, 5)
  const missing = expected.filter((line) => !had.has(line)).slice(0, 5)
  return `the rows are not the model's; too many: ${extra}; missing: ${missing}`
}

const lines = (...items: unknown[][]) =>
  items
    .flat()
    .map((item) => JSON.stringify(item))
    .sort()

/** What was tried, in a line. */
export function inWords({ kind, poolMax }: Setup, { seed, requests, statuses }: Found): string {
  const counts = [...statuses].sort().map(([status, count]) => `${status}: ${count}`)
  return `${kind}, pool of ${poolMax}, seed ${seed}: ${requests} requests (${counts.join(', ')})`
}
