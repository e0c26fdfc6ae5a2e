import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { explain } from '../../src/api/tasks/batch-operations.ts'
import { AppError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { type Database, withAsUser } from '../../src/database/session.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { batchesOf, refusal, statuses } from '../support/batches.ts'
import { KINDS } from '../support/databases.ts'

const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'

/** The number of calls of `asUser`. */
let calls = 0
const counted = (database: Database): Database =>
  withAsUser(database, (userId, asked) => {
    calls += 1
    return database.asUser(userId, asked)
  })

describe('the form of a batch', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', {}, counted)
  })
  after(() => test.close())
  const { send, create, listOf } = batchesOf(() => test)

  it('100 operations, and neither none nor 101', async () => {
    const operations = Array.from({ length: 100 }, (_, n) => ({
      op: 'create',
      task: { title: `${n}` },
    }))
    const answer = await send('cy', operations)
    assert.deepEqual(statuses(answer), Array(100).fill(201))
    const titles = answer.json.results.map(({ task }: { task: { title: string } }) => task.title)
    assert.deepEqual(
      titles,
      operations.map(({ task }) => task.title),
    )
    const [none, more] = [await send('cy', []), await send('cy', [...operations, operations[0]])]
    assert.deepEqual(refusal(none), [422, 'validation_error', ['/operations']])
    assert.deepEqual(refusal(more), [422, 'validation_error', ['/operations']])
    assert.equal((await listOf('cy')).length, 100)
  })

  const FORM: [what: string, operations: unknown, paths: string[]][] = [
    ['no array', {}, ['/operations']],
    ['null', null, ['/operations']],
    ['an operation that is no object', [1, null, []], [0, 1, 2].map((n) => `/operations/${n}`)],
    ['no op', [{ id: MISSING }], ['/operations/0/op']],
    ['an unknown op', [{ op: 'merge', id: MISSING }], ['/operations/0/op']],
    ['a move without a place', [{ op: 'move', id: MISSING }], ['/operations/0']],
    [
      'a move to two places',
      [{ op: 'move', id: MISSING, to: 'top', after: MISSING }],
      ['/operations/0'],
    ],
    ['an op that is no text', [{ op: 1 }], ['/operations/0/op']],
    ['an op of Object.prototype', [{ op: 'constructor' }], ['/operations/0/op']],
    ['a create without a task', [{ op: 'create' }], ['/operations/0/task']],
    ['a create without a title', [{ op: 'create', task: {} }], ['/operations/0/task/title']],
    ['a blank title', [{ op: 'create', task: { title: ' ' } }], ['/operations/0/task/title']],
    [
      'a create with an id beside the task',
      [{ op: 'create', id: MISSING, task: { title: 'x' } }],
      ['/operations/0/id'],
    ],
    [
      'the nil UUID',
      [{ op: 'create', task: { title: 'x', id: '00000000-0000-0000-0000-000000000000' } }],
      ['/operations/0/task/id'],
    ],
    [
      'another owner',
      [{ op: 'create', task: { title: 'x', user_id: 'eve' } }],
      ['/operations/0/task/user_id'],
    ],
    ['an update without an id', [{ op: 'update', task: { title: 'x' } }], ['/operations/0/id']],
    ['an update of nothing', [{ op: 'update', id: MISSING, task: {} }], ['/operations/0/task']],
    [
      'an update with the id of another task',
      [{ op: 'update', id: MISSING, task: { title: 'x', id: randomUUID() } }],
      ['/operations/0/task/id'],
    ],
    [
      'an unknown member of a task',
      [{ op: 'update', id: MISSING, task: { title: 'x', colour: 1 } }],
      ['/operations/0/task/colour'],
    ],
    [
      'completed that is no boolean',
      [{ op: 'complete', id: MISSING, completed: 'true' }],
      ['/operations/0/completed'],
    ],
    ['an id that is no text', [{ op: 'delete', id: 1 }], ['/operations/0/id']],
    [
      'if_match that is no text, and where there is none',
      [
        { op: 'delete', id: MISSING, if_match: null },
        { op: 'restore', id: MISSING, if_match: '*' },
      ],
      ['/operations/0/if_match', '/operations/1/if_match'],
    ],
    [
      'several of them, in order, beside a missing task',
      [
        { op: 'delete', id: MISSING },
        { op: 'create', task: { title: '', description: 1 } },
        { op: 'create', task: { title: 'fine' } },
        { op: 'complete' },
      ],
      ['/operations/1/task/title', '/operations/1/task/description', '/operations/3/id'],
    ],
  ]
  for (const [what, operations, paths] of FORM) {
    it(`422 with the place for ${what}`, async () => {
      calls = 0
      const answer = await send('dan', operations)
      assert.deepEqual(refusal(answer), [422, 'validation_error', paths], answer.text)
      assert.equal(calls, 0)
    })
  }

  it('422 for other members, a body too deep, an unknown parameter, and a bad value', async () => {
    const path = '/api/dan/tasks/batch'
    const operations = [{ op: 'create', task: { title: 'x' } }]
    for (const body of [{ operations, atomic: true }, undefined, [], 'x']) {
      assert.equal((await test.send('POST', path, { body })).status, 422)
    }
    const deep = [{ op: 'create', task: { title: { a: { b: 1 } } } }]
    assert.match((await send('dan', deep)).json.detail, /at most 5 levels/)
    for (const query of ['?dry_run=1', '?dry_run', '?dry_run=true&dry_run=true', '?dryRun=true']) {
      assert.equal((await send('dan', operations, {}, query)).status, 422, query)
    }
    assert.deepEqual(await listOf('dan'), [])
  })

  it('422 that counts the faults beyond those it names, of however many members', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`m${n}`, n]))
    const { status, json } = await send('dan', [
      { op: 'create', task: { title: 'x', ...many } },
      { op: 'delete', id: MISSING, ...many },
    ])
    assert.deepEqual([status, json.errors.length, json.more], [422, 20, 9_980])
  })

  it('a body of 1 MiB is read, and 413 for a longer one, here only', async () => {
    const sized = (bytes: number) => {
      const body = JSON.stringify({ operations: [{ op: 'create', task: { title: 'x' } }] })
      return body + ' '.repeat(bytes - body.length)
    }
    const headers = { 'content-type': 'application/json' }
    const post = (path: string, bytes: number) =>
      test.send('POST', `/api/dora/tasks${path}`, { raw: sized(bytes), headers })
    assert.equal((await post('/batch', LIMITS.batchBytes)).status, 200)
    const longer = await post('/batch', LIMITS.batchBytes + 1)
    assert.deepEqual([longer.status, longer.json.error], [413, 'payload_too_large'])
    assert.equal(longer.json.detail, 'The body must not exceed 1048576 bytes')
    const single = await post('', LIMITS.bodyBytes + 1)
    assert.deepEqual(
      [single.status, single.json.detail],
      [413, 'The body must not exceed 65536 bytes'],
    )
  })

  it('a task that was read may be sent back whole', async () => {
    const task = await create('ed')
    const answer = await send('ed', [
      { op: 'update', id: task.id.toUpperCase(), task: { ...task, title: 'y' } },
    ])
    assert.deepEqual([answer.status, answer.json.results[0].task.title], [200, 'y'])
  })

  it('422 with the place of a member that does not fit the task, and nothing is done', async () => {
    const task = await create('gia', { title: 'x', due_date: '2026-12-01', due_time: '09:30' })
    const answer = await send('gia', [
      { op: 'complete', id: task.id },
      { op: 'update', id: task.id, task: { due_date: null } },
    ])
    const path = '/operations/1/task/due_time'
    assert.deepEqual(refusal(answer), [422, 'validation_error', [path]])
    const tags = [{ op: 'update', id: task.id, task: { tags: ['x,y'] } }]
    const form = await send('gia', tags)
    assert.deepEqual(refusal(form), [422, 'validation_error', ['/operations/0/task/tags/0']])
    assert.deepEqual(await listOf('gia'), [task])
  })

  it('if_match is as If-Match: the tag, the same as a weak one, one of several, and *', async () => {
    const task = await create('gil')
    let tag = `"${task.updated_at}"`
    const forms = [
      (t: string) => t,
      (t: string) => `W/${t}`,
      (t: string) => `"x", ${t}`,
      // Nearly as many empty elements as a batch can have.
      (t: string) => `, ,"",${','.repeat(1_000_000)} ${t} ,\t`,
    ]
    for (const written of forms) {
      const answer = await send('gil', [{ op: 'complete', id: task.id, if_match: written(tag) }])
      assert.equal(answer.status, 200)
      tag = answer.json.results[0].etag
    }
    const both = await send('gil', [
      { op: 'complete', id: task.id, if_match: tag },
      { op: 'complete', id: task.id, if_match: '*' },
      { op: 'complete', id: task.id, if_match: tag },
    ])
    assert.deepEqual(refusal(both), [412, 'precondition_failed', ['/operations/2']])
  })

  it('405 for other methods', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const { status } = await test.send(method, '/api/ann/tasks/batch', { body: { title: 'x' } })
      assert.ok(status === 405 || status === 404, `${method} ${status}`)
    }
  })
})

for (const kind of KINDS) {
  describe(`a batch on ${kind} with limits`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, { TRASH_DAYS: '0', RATE_LIMIT_PER_MINUTE: '60' })
    })
    after(() => test.close())

    it('without a trash, a deletion is permanent, and counts as one request', async () => {
      const send = (operations: unknown) =>
        test.send('POST', '/api/ann/tasks/batch', { body: { operations } })
      const ids = Array.from({ length: 20 }, () => randomUUID())
      const made = await send(ids.map((id) => ({ op: 'create', task: { id, title: 'secret' } })))
      assert.equal(made.status, 200)
      const [id] = ids
      const both = await send([
        { op: 'delete', id },
        { op: 'restore', id },
      ])
      assert.deepEqual([both.status, both.json.errors[0].path], [404, '/operations/1'])
      const gone = await send(ids.map((each) => ({ op: 'delete', id: each })))
      assert.equal(gone.status, 200, gone.text)
      assert.match(String(gone.headers.ratelimit), /r=57/)
      const rows = await test.admin(
        `select distinct title, purged_at is not null as purged from todo.tasks`,
      )
      assert.deepEqual(rows, [{ title: '', purged: true }])
    })
  })
}

describe('a batch whose key a single request has in progress', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  it('409 with Retry-After, and nothing is done', async () => {
    const send = () =>
      test.send('POST', '/api/ann/tasks/batch', {
        body: { operations: [{ op: 'create', task: { title: 'x' } }] },
        headers: { 'idempotency-key': 'held' },
      })
    await withDirectClient(test.test.connector.direct, async (holder) => {
      // The lock that a request with a key holds.
      const lock = `(hashtextextended('held', hashtextextended('ann', 0)))`
      await holder.query(`select pg_advisory_lock${lock}`)
      const { status, json, headers } = await send()
      assert.deepEqual([status, json.error, headers['retry-after']], [409, 'conflict', '1'])
      assert.equal(headers['idempotency-replayed'], undefined)
      assert.deepEqual(await test.admin('select from todo.users'), [])
      await holder.query(`select pg_advisory_unlock${lock}`)
    })
    assert.equal((await send()).status, 200)
  })
})

describe('the problem of an operation', () => {
  const id = MISSING
  const fault = { in: 'body', path: '/title', message: 'is too new' } as const
  const invalid = new AppError('validation_error', { errors: [fault], statement: 5 })

  it('has the members that a statement names in their place in the batch', () => {
    for (const [asked, path] of [
      [{ op: 'create', task: { title: 'x' } }, '/operations/3/task/title'],
      [{ op: 'update', id, task: { title: 'x' } }, '/operations/3/task/title'],
      [{ op: 'complete', id }, '/operations/3/title'],
    ] as const) {
      const { code, errors, detail } = explain(invalid, asked, 3)
      assert.deepEqual([code, errors], ['validation_error', [{ ...fault, path }]])
      assert.equal(detail, `${path.slice(1)} is too new`)
    }
  })

  it('is the same if the operation is not the reason', () => {
    for (const code of ['internal_error', 'service_unavailable', 'unauthorized'] as const) {
      const error = new AppError(code, { statement: 5 })
      assert.equal(explain(error, { op: 'delete', id }, 3), error)
    }
  })
})
