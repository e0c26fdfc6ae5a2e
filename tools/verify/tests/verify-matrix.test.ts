import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../../backend/tests/support/app.ts'
import {
  type Fault,
  type Passing,
  type Reply,
  startFaulty,
} from '../../../backend/tests/support/faulty.ts'
import { pairOf } from '../attempts.ts'
import { Client } from '../client.ts'
import { matrix } from '../matrix.ts'
import { personOf } from '../people.ts'
import { makeTasks, newMark } from '../tasks.ts'
import { Trial } from '../trial.ts'

type User = 'alice' | 'bob'
const tokens = new Map<User, string>()
const bearer = (user: User) => `Bearer ${tokens.get(user)}`
const other = (user: User) => (user === 'alice' ? 'bob' : 'alice')

/** @returns the user of a request's valid bearer token. */
const asking = ({ headers }: Passing) =>
  (['alice', 'bob'] as const).find((user) => headers.authorization === bearer(user))

/** @returns the user and the rest of a path of tasks, as a careless server parses it. */
function readPath({ path }: Passing): { user: User | undefined; rest: string } {
  const plain = path.replaceAll('%25', '%').replace(/%(?!00)[0-7][0-9a-f]/gi, decodeURIComponent)
  const { pathname, search } = new URL(`http://localhost${plain.replace(/\/+/g, '/')}`)
  const [, name = '', rest = ''] = /^\/api\/([^/]+)\/tasks(.*)$/i.exec(pathname) ?? []
  const clean = name.replace(/(%20|%00|[;,].*)$/, '').toLowerCase()
  const user = clean === 'alice' || clean === 'bob' ? clean : undefined
  return { user, rest: rest + search }
}

/** @returns the same request from another user, on their own path. */
const as = (user: User, request: Passing, { rest } = readPath(request)): Passing => ({
  ...request,
  path: `/api/${user}/tasks${rest}`,
  headers: { ...request.headers, authorization: bearer(user) },
})
const reading = (request: Passing): Passing => ({
  ...request,
  method: 'GET',
  body: '',
  headers: {},
})
const without = (request: Passing, ...names: string[]): Passing => ({
  ...request,
  headers: Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !names.includes(name)),
  ),
})
const withHeader = (reply: Reply, name: string, value: string): Reply => ({
  ...reply,
  headers: { ...reply.headers, [name]: value },
})

/** Where the tasks can be read that a request names by their ids, or by a text in them. */
function named(request: Passing): string[] {
  const { rest } = readPath(request)
  const query = /[?&](q|tags)=[^&]+/.exec(rest)?.[0].replace('&', '?')
  const ids = `${rest} ${request.body}`.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? []
  return [...ids.map((id) => `/${id}`), ...(query === undefined ? [] : [query])]
}

const EVERY = 'headers of every answer'
const NAMING = [
  ...['x-user-id', 'x-forwarded-user', 'x-remote-user', 'x-original-url', 'x-rewrite-url'],
  ...['x-http-method-override', 'cookie', 'x-access-token'],
]

/** A faulty server, the groups that must fail, and the groups to run if they are different. */
const faults: Record<string, { groups: string[]; fault: Fault; tried?: string[] }> = {
  'a token that is good for every path': {
    groups: [
      ...['foreign paths', 'spellings of foreign paths', 'trash and changes', 'batches'],
      'series and parents',
    ],
    fault: (request, passOn) => {
      const { user } = readPath(request)
      return passOn(asking(request) && user ? as(user, request) : request)
    },
  },
  'a token that is not verified': {
    groups: ['no good token', 'trash and changes', 'batches', 'series and parents'],
    fault: (request, passOn) => {
      const { user } = readPath(request)
      return passOn(asking(request) || !user ? request : as(user, request))
    },
  },
  'a task that is found by its id alone': {
    groups: ['foreign ids', 'trash and changes', 'batches', 'series and parents'],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      const user = asking(request)
      if (reply.status !== 404 || user === undefined) return reply
      // A real deletion would hide the fault from later attempts.
      if (request.method === 'DELETE') return { ...reply, status: 204, text: '' }
      // The other person's trash is empty.
      if (readPath(request).rest.startsWith('/trash/')) return { ...reply, status: 200 }
      return passOn(without(as(other(user), request), 'if-match', 'if-none-match'))
    },
  },
  'a missing task that is told from another’s': {
    groups: ['foreign ids', 'trash and changes', 'batches', 'series and parents', 'searches'],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      const user = asking(request)
      if (user === undefined) return reply
      for (const rest of named(request)) {
        const found = await passOn(as(other(user), reading(request), { user, rest }))
        if (found.status === 200 && found.text !== '[]') return withHeader(reply, 'x-cache', 'hit')
      }
      return reply
    },
  },
  'a parent or neighbour that is found by its id alone': {
    groups: ['series and parents'],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      const isRelative = /"(parent_id|before|after)"/.test(request.body)
      return reply.status === 422 && isRelative ? { ...reply, status: 200 } : reply
    },
  },
  'a cursor that names its user': {
    groups: ['foreign cursors'],
    fault: (request, passOn) => {
      const user = asking(request)
      const follows = user !== undefined && request.path.includes('cursor=')
      return passOn(follows ? as(other(user), request) : request)
    },
  },
  'a condition that is not looked at': {
    groups: ['foreign ETags'],
    fault: (request, passOn) => {
      if (request.headers['if-none-match'] === undefined)
        return passOn(without(request, 'if-match'))
      return passOn({ ...request, headers: { ...request.headers, 'if-none-match': '*' } })
    },
  },
  'a member of a body that is dropped': {
    groups: ['foreign bodies'],
    fault: (request, passOn) => {
      if (!request.body.startsWith('{"')) return passOn(request)
      const { title, description, completed, to, before, after } = JSON.parse(request.body)
      // A move beside a task that nobody looks for.
      const place = (before ?? after) ? 'top' : to
      const body = JSON.stringify({ title, description, completed, to: place })
      return passOn({ ...request, body })
    },
  },
  'a list that has everybody’s tasks': {
    groups: [
      ...['own tasks', 'lists and filters', 'foreign cursors', 'other ways to name a user'],
      ...['trash and changes', 'searches'],
    ],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      const user = asking(request)
      if (user === undefined || reply.status !== 200) return reply
      const theirs = await passOn(as(other(user), reading(request), { user, rest: '' }))
      if (request.method === 'HEAD') {
        return withHeader(reply, 'x-newest', encodeURIComponent(theirs.text.slice(0, 3_000)))
      }
      if (request.method !== 'GET') return reply
      if (reply.text.startsWith('{"changes"')) {
        const changes = `"changes":${theirs.text.slice(0, -1)},`
        return { ...reply, text: reply.text.replace('"changes":[', changes) }
      }
      if (reply.text.startsWith('{"open"')) {
        return { ...reply, text: reply.text.replace('"due_today" : 1', '"due_today" : 2') }
      }
      if (!reply.text.startsWith('[')) return reply
      const all = [...JSON.parse(reply.text), ...JSON.parse(theirs.text)]
      return { ...reply, text: JSON.stringify(all) }
    },
  },
  'a user who has no tasks': {
    groups: [
      ...['own tasks', 'lists and filters', 'foreign cursors', 'foreign ETags', 'batches'],
      'searches',
    ],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      // The requests that create and compare tasks must work.
      if (reply.status !== 200 || /\?limit=10?$/.test(request.path)) return reply
      if (request.method !== 'GET') return { ...reply, status: 404 }
      return { ...reply, text: '[]' }
    },
  },
  'a header or parameter that names the user': {
    groups: ['other ways to name a user'],
    fault: (request, passOn) => {
      const user = asking(request)
      const named = NAMING.some((name) => name in request.headers)
      const asked = /[?&](user_id|userId|owner|sub)=/.test(request.path)
      if (user === undefined || !(named || asked)) return passOn(request)
      if (request.method === 'POST') return passOn({ ...as('bob', request), method: 'DELETE' })
      return passOn(as(other(user), request, { user, rest: '' }))
    },
  },
  'an idempotency key that all users share': {
    groups: ['idempotency keys'],
    fault: (() => {
      const replies = new Map<unknown, Promise<Reply>>()
      return (request, passOn) => {
        const key = request.headers['idempotency-key']
        const reply = replies.get(key) ?? passOn(request)
        if (key !== undefined) replies.set(key, reply)
        return reply
      }
    })(),
  },
  'an idempotency key that is refused': {
    groups: ['idempotency keys'],
    fault: (request, passOn) =>
      passOn('idempotency-key' in request.headers ? { ...request, body: '{}' } : request),
  },
  'a refusal that comes after the change': {
    groups: [
      ...['foreign paths', 'spellings of foreign paths', 'foreign ids', 'foreign ETags'],
      ...['foreign bodies', 'no good token', 'other ways to name a user', 'trash and changes'],
      ...['batches', 'series and parents'],
    ],
    fault: async (request, passOn) => {
      const reply = await passOn(request)
      if (request.method === 'GET' || request.method === 'HEAD' || reply.status < 400) return reply
      const list = await passOn(as('bob', reading(request), { user: 'bob', rest: '?limit=1' }))
      const [{ id, completed }] = JSON.parse(list.text)
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ completed: !completed })
      const change = { ...request, method: 'PUT', headers, body }
      const { status } = await passOn(as('bob', change, { user: 'bob', rest: `/${id}` }))
      assert.equal(status, 200)
      return reply
    },
  },
  'an answer without a request id': {
    groups: [EVERY],
    fault: async (request, passOn) => withHeader(await passOn(request), 'x-request-id', ''),
  },
  'an answer that a cache may keep': {
    groups: [EVERY],
    tried: ['own tasks'],
    fault: async (request, passOn) => withHeader(await passOn(request), 'cache-control', 'private'),
  },
}

describe('npm run verify notices', () => {
  let test: TestApp
  const made = new Set<string>()
  const noticed = new Set<string>()
  before(async () => {
    test = await startApp('postgres')
    for (const user of ['alice', 'bob'] as const) tokens.set(user, await test.token(user))
  })
  after(() => test.close())

  /** Runs alice's attempts on bob's tasks, in these groups or all. */
  async function trial(fault: Fault, groups?: string[]): Promise<Trial> {
    const server = await startFaulty(test.port, fault)
    const client = new Client(new URL(server.address), assert.fail)
    const mark = newMark()
    const people = [
      personOf('A', tokens.get('alice') ?? ''),
      personOf('B', tokens.get('bob') ?? ''),
    ] as const
    const [me, victim] = await makeTasks(client, people, mark)
    const pair = pairOf(me, victim, mark.run)
    const trial = new Trial(client, pair)
    const all = matrix(pair)
    await trial.run(groups === undefined ? all : all.filter(({ name }) => groups.includes(name)))
    client.close()
    await server.close()
    return trial
  }

  for (const [name, { groups, fault, tried }] of Object.entries(faults)) {
    it(name, async () => {
      const { checks } = await trial(fault, tried ?? (groups.includes(EVERY) ? undefined : groups))
      const failed = checks.filter(({ wrong }) => wrong !== undefined)
      const failing = new Set(failed.map(({ group }) => group))
      assert.deepEqual(
        groups.filter((group) => !failing.has(group)),
        [],
      )
      assert.ok(failed.length < checks.length)
      for (const { group, name } of checks) made.add(`${group}: ${name}`)
      for (const { group, name } of failed) noticed.add(`${group}: ${name}`)
    })
  }

  it('and each of its checks has failed for one of these', () => {
    assert.ok(made.size > 300)
    assert.deepEqual(
      [...made].filter((name) => !noticed.has(name)),
      [],
    )
  })

  it('nothing else: without a fault no check fails', async () => {
    const { checks, foreignBytes } = await trial((request, passOn) => passOn(request))
    assert.deepEqual(
      checks.filter(({ wrong }) => wrong !== undefined),
      [],
    )
    assert.equal(foreignBytes, 0)
  })
})
