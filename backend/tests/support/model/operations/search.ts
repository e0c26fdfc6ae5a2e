import { randomInt } from 'node:crypto'
import { Agent } from 'node:http'
import fc from 'fast-check'
import { readToken } from '../../../../src/models/changes/token.ts'
import { exchange, startApp, type TestApp } from '../../app.ts'
import { markOf } from '../history.ts'
import type { Found, Search, Setup } from '../property.ts'
import { operationSteps, USERS } from './choices.ts'
import { OperationsHistory, type Person, type Server } from './play.ts'
import { nextIn } from './requests.ts'

const MOST_STEPS = 40
/** A failure is made shorter for so long. */
const PATIENCE_MS = 60_000

const NAMES = ['alice', 'Alice', 'bob']

/** Runs random histories of all operations over the app that `main.ts` runs, on a database of its own. */
export async function searchOperations(
  { kind, poolMax }: Setup,
  { runs, seed = randomInt(2 ** 31), path }: Search,
): Promise<Found> {
  const test = await startApp(kind, { DATABASE_POOL_MAX: String(poolMax) })
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const statuses = new Map<string, number>()
  const server = serverOf(test, agent, statuses)
  let run = 0
  let shortenUntilMs = Number.POSITIVE_INFINITY
  const earlier: string[] = []
  let digests: ReadonlyMap<string, string> = new Map()
  const property = fc.asyncProperty(operationSteps(MOST_STEPS), async (steps) => {
    if (performance.now() > shortenUntilMs) return
    run += 1
    const people = NAMES.slice(0, USERS).map((name, n): Person => {
      return { id: `${name}-${run}`, mark: markOf(run, n) }
    })
    try {
      const history = new OperationsHistory(people, server)
      for (const step of steps) await history.take(step)
      await history.checkpoint()
    } catch (error) {
      if (shortenUntilMs === Number.POSITIVE_INFINITY)
        shortenUntilMs = performance.now() + PATIENCE_MS
      throw error
    }
    const now = await server.digests(earlier)
    for (const [user, digest] of digests) {
      if (now.get(user) !== digest)
        throw new Error(`the rows of ${user}, of an earlier history, changed`)
    }
    earlier.push(...people.map(({ id }) => id))
    digests = await server.digests(earlier)
  })
  try {
    const details = await fc.check(property, {
      numRuns: runs,
      seed,
      ...(path !== undefined && { path }),
    })
    const again = `--model operations --seed ${details.seed} --runs ${runs} --on ${kind} --pool ${poolMax}`
    const failure = details.failed
      ? [
          `npm run test:model -- ${again} --path ${details.counterexamplePath}`,
          `after ${details.numRuns} histories, made shorter ${details.numShrinks} times:`,
          details.errorInstance instanceof Error ? details.errorInstance.message : '',
        ].join('\n')
      : undefined
    const requests = [...statuses.values()].reduce((sum, count) => sum + count, 0)
    return { seed: details.seed, requests, statuses, failure }
  } finally {
    agent.destroy()
    await test.close()
  }
}

const ROWS = ['todo.tasks', 'todo.users', 'todo.idempotency_keys']
const DIGESTS = ROWS.map((table) => {
  const user = table === 'todo.users' ? 'id' : 'user_id'
  return `select ${user} as who, md5(string_agg(md5(t::text), '' order by t::text)) as digest from ${table} t where ${user} = any($1) group by 1`
}).join(' union all ')

function serverOf(test: TestApp, agent: Agent, statuses: Map<string, number>): Server {
  const tokens = new Map<string, Promise<string>>()
  const tokenOf = (user: string) => {
    const token = tokens.get(user) ?? test.token(user)
    tokens.set(user, token)
    return token
  }
  return {
    send: async ({ id }, { method, path, body, headers }) => {
      const authorization = `Bearer ${await tokenOf(id)}`
      const answer = await exchange(test.port, method, `/api/${id}/tasks${path}`, {
        ...{ headers: { ...headers, authorization }, agent },
        ...(body !== undefined && { body }),
      })
      const again = answer.headers['idempotency-replayed'] === 'true' ? ' again' : ''
      const next = nextIn(answer) === undefined ? '' : ' with the next occurrence'
      const status = `${answer.status}${again}${next}`
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      return answer
    },
    digests: async (users) => {
      const rows = await test.admin(DIGESTS, [users])
      const byUser = Map.groupBy(rows, ({ who }) => String(who))
      return new Map([...byUser].map(([who, of]) => [who, of.map(({ digest }) => digest).join()]))
    },
    head: async (user) => {
      const [row] = await test.admin('select seq::text from todo.users where id = $1', [user])
      return BigInt(String(row?.seq ?? 0))
    },
    numberOf: (token) => BigInt(readToken(token).seq),
  }
}
