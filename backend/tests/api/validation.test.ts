import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { type Sending, startApp, type TestApp } from '../support/app.ts'

const WRITABLE =
  'title, description, completed, priority, tags, due_date, due_time, due_zone, recurrence, parent_id, position'
const JSON_TYPE = { 'content-type': 'application/json' }
const LENGTH = 'must be 1 to 500 characters'
const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
const MERGE_PATCH_TYPE = 'application/merge-patch+json'
const MERGE_PATCH = { headers: { 'content-type': MERGE_PATCH_TYPE }, raw: '{"title":"x"}' }
const UNICODE = 'must be well-formed Unicode without U+0000'

/** Where an operation that takes a body is, and whether it may be left out. */
const WITH_BODY = ['POST ', 'PUT /:id', 'PATCH /:id', 'PATCH /:id/complete'] as const

/** The message names what is allowed. */
const UNKNOWN =
  'is unknown: the query parameters here are completed, priority, tags, due_from, due_before, due, q, parent_id, updated_since, sort, limit, cursor'

describe('what is sent', () => {
  let test: TestApp
  let id: string
  before(async () => {
    test = await startApp('postgres')
    id = (await test.send('POST', '/api/alice/tasks', { body: { title: 'Kept' } })).json.id
  })
  after(() => test.close())

  const send = (operation: string, sending: Sending, query = '') => {
    const [method = '', at = ''] = operation.split(' ')
    return test.send(method, `/api/alice/tasks${at.replace(':id', id)}${query}`, sending)
  }
  const unchanged = async () => {
    const rows = await test.admin('select title, description, completed from todo.tasks')
    assert.deepEqual(rows, [{ title: 'Kept', description: null, completed: false }])
  }

  const faults: [operation: string, what: string, body: unknown, ...faults: [string, string][]][] =
    [
      ['POST ', 'no title', {}, ['/title', 'is required']],
      ['POST ', 'an empty title', { title: '' }, ['/title', LENGTH]],
      ['POST ', 'a title of white space', { title: ' \t\n\u00a0\u3000\ufeff' }, ['/title', LENGTH]],
      ['POST ', 'a title of 501 characters', { title: 'x'.repeat(501) }, ['/title', LENGTH]],
      ['POST ', 'a title null', { title: null }, ['/title', 'must be a string']],
      ['POST ', 'a title that is a number', { title: 1 }, ['/title', 'must be a string']],
      ['POST ', 'a title that is a list', { title: ['x'] }, ['/title', 'must be a string']],
      ['POST ', 'a title with U+0000', { title: 'a\0b' }, ['/title', UNICODE]],
      [
        'POST ',
        'a description of 16385',
        { title: 'x', description: 'x'.repeat(16_385) },
        ['/description', 'must be 0 to 16384 characters'],
      ],
      [
        'POST ',
        'a description that is a number',
        { title: 'x', description: 1 },
        ['/description', 'must be a string or null'],
      ],
      [
        'POST ',
        'a description with U+0000',
        { title: 'x', description: '\0' },
        ['/description', UNICODE],
      ],
      [
        'POST ',
        'completed as text',
        { title: 'x', completed: 'true' },
        ['/completed', 'must be true or false'],
      ],
      [
        'POST ',
        'completed as a number',
        { title: 'x', completed: 1 },
        ['/completed', 'must be true or false'],
      ],
      [
        'POST ',
        'completed null',
        { title: 'x', completed: null },
        ['/completed', 'must be true or false'],
      ],
      ['POST ', 'an unknown member', { title: 'x', colour: 1 }, ['/colour', 'is unknown']],
      [
        'POST ',
        'a member whose name needs escaping',
        { title: 'x', 'a/b~c': 1 },
        ['/a~1b~0c', 'is unknown'],
      ],
      [
        'POST ',
        'every fault at once',
        { title: '', completed: 'no', id: 1, user_id: 'bob' },
        ['/id', 'must be a string'],
        ['/user_id', 'must be that of the path'],
        ['/title', LENGTH],
        ['/completed', 'must be true or false'],
      ],
      ['POST ', 'a list', [{ title: 'x' }], ['', 'must be a JSON object']],
      ['POST ', 'a string', 'x', ['', 'must be a JSON object']],
      ['POST ', 'a number', 1, ['', 'must be a JSON object']],
      ['POST ', 'null', null, ['', 'must be a JSON object']],
      ['PUT /:id', 'nothing to change', {}, ['', `must have one of ${WRITABLE}`]],
      ['PUT /:id', 'a title null', { title: null }, ['/title', 'must be a string']],
      [
        'PUT /:id',
        'what is not the path’s, and what is unknown',
        { title: 'x', id: MISSING, user_id: 'Alice', updated_at: 'x', deleted_at: null },
        ['/deleted_at', 'is unknown'],
        ['/id', 'must be that of the path'],
        ['/user_id', 'must be that of the path'],
      ],
      [
        'PUT /:id',
        'an id and a user of another type',
        { id: 1, user_id: null },
        ['/id', 'must be a string'],
        ['/user_id', 'must be a string'],
      ],
      ['POST ', 'a time', { title: 'x', created_at: 'x' }, ['/created_at', 'is unknown']],
      ['POST ', 'a user null', { title: 'x', user_id: null }, ['/user_id', 'must be a string']],
      ['PATCH /:id', 'nothing to change', {}, ['', `must have one of ${WRITABLE}`]],
      ['PATCH /:id', 'a title null', { title: null }, ['/title', 'must be a string']],
      ['PATCH /:id', 'another id', { id: MISSING }, ['/id', 'must be that of the path']],
      ['PATCH /:id/complete', 'a title', { title: 'x' }, ['/title', 'is unknown']],
      [
        'PATCH /:id/complete',
        'completed as text',
        { completed: 'true' },
        ['/completed', 'must be true or false'],
      ],
      ['PATCH /:id/complete', 'null', null, ['', 'must be a JSON object']],
    ]
  for (const [operation, what, body, ...expected] of faults) {
    it(`422 for ${what} (${operation})`, async () => {
      const answer = await send(operation, { body })
      assert.equal(answer.status, 422)
      assert.equal(answer.json.error, 'validation_error')
      assert.deepEqual(
        new Set(answer.json.errors.map((fault: object) => JSON.stringify(fault))),
        new Set(expected.map(([path, message]) => JSON.stringify({ in: 'body', path, message }))),
      )
      await unchanged()
    })
  }

  it('the detail says the first fault in words', async () => {
    assert.equal((await send('POST ', { body: { title: '' } })).json.detail, `title ${LENGTH}`)
    assert.equal((await send('POST ', { body: [] })).json.detail, 'The body must be a JSON object')
  })

  const raw: [what: string, status: number, sending: Sending][] = [
    ['a lone surrogate', 422, { headers: JSON_TYPE, raw: '{"title":"a\\ud800b"}' }],
    ['a lone low surrogate', 422, { headers: JSON_TYPE, raw: '{"title":"\\udc00"}' }],
    ['__proto__', 422, { headers: JSON_TYPE, raw: '{"title":"x","__proto__":{"title":"y"}}' }],
    [
      'constructor',
      422,
      { headers: JSON_TYPE, raw: '{"title":"x","constructor":{"prototype":{}}}' },
    ],
    ['5000 levels', 422, { headers: JSON_TYPE, raw: `${'['.repeat(5000)}${']'.repeat(5000)}` }],
    ['no body', 422, { headers: JSON_TYPE, raw: '' }],
    ['no body and no type', 422, {}],
    ['cut JSON', 400, { headers: JSON_TYPE, raw: '{"title":"x"' }],
    ['no JSON', 400, { headers: JSON_TYPE, raw: 'title=x' }],
    ['a trailing comma', 400, { headers: JSON_TYPE, raw: '{"title":"x",}' }],
    ['NaN', 400, { headers: JSON_TYPE, raw: '{"title":NaN}' }],
    ['a byte order mark', 400, { headers: JSON_TYPE, raw: '\ufeff{"title":"x"}' }],
    [
      'invalid UTF-8',
      400,
      { headers: JSON_TYPE, raw: Buffer.from('7b227469746c65223a22ff227d', 'hex') },
    ],
    [
      'overlong UTF-8',
      400,
      { headers: JSON_TYPE, raw: Buffer.from('7b227469746c65223a22c0af227d', 'hex') },
    ],
    [
      'UTF-16 without saying so',
      400,
      { headers: JSON_TYPE, raw: Buffer.from('{"title":"x"}', 'utf16le') },
    ],
    ['text', 415, { headers: { 'content-type': 'text/plain' }, raw: '{"title":"x"}' }],
    [
      'a form',
      415,
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, raw: 'title=x' },
    ],
    [
      'multipart',
      415,
      { headers: { 'content-type': 'multipart/form-data; boundary=x' }, raw: '--x--' },
    ],
    ['a merge patch', 415, MERGE_PATCH],
    [
      'a merge patch in Latin-1',
      415,
      { ...MERGE_PATCH, headers: { 'content-type': `${MERGE_PATCH_TYPE}; charset=iso-8859-1` } },
    ],
    [
      'a JSON patch',
      415,
      { headers: { 'content-type': 'application/json-patch+json' }, raw: '[]' },
    ],
    ['no type', 415, { raw: '{"title":"x"}' }],
    ['no type that can be read', 415, { headers: { 'content-type': 'x' }, raw: '{"title":"x"}' }],
    [
      'UTF-16',
      415,
      { headers: { 'content-type': 'application/json; charset=utf-16' }, raw: '{"title":"x"}' },
    ],
    [
      'Latin-1',
      415,
      { headers: { 'content-type': 'application/json; charset=iso-8859-1' }, raw: '{"title":"x"}' },
    ],
    [
      'gzip',
      415,
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, raw: gzipSync('{"title":"x"}') },
    ],
    [
      'an unknown encoding',
      415,
      { headers: { ...JSON_TYPE, 'content-encoding': 'x' }, raw: '{"title":"x"}' },
    ],
    ['65537 bytes', 413, { headers: JSON_TYPE, raw: `{"title":"${'x'.repeat(65_537 - 12)}"}` }],
    [
      '65537 bytes in chunks',
      413,
      {
        headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' },
        raw: `{"title":"${'x'.repeat(65_537 - 12)}"}`,
      },
    ],
    ['1 MB', 413, { headers: JSON_TYPE, raw: `{"title":"${'x'.repeat(1_000_000)}"}` }],
  ]
  for (const [what, status, sending] of raw) {
    it(`${status} for ${what}`, async () => {
      for (const operation of WITH_BODY) {
        const empty = sending.raw === undefined || sending.raw.length === 0
        if (empty && operation.endsWith('complete')) continue
        if (sending === MERGE_PATCH && operation === 'PATCH /:id') continue
        const answer = await send(operation, sending)
        assert.equal(answer.status, status, operation)
        assert.equal(answer.json.status, status)
      }
      await unchanged()
    })
  }

  it('64 KiB are read to the last byte', async () => {
    const answer = await send('POST ', {
      headers: JSON_TYPE,
      raw: `{"title":"${'x'.repeat(65_536 - 12)}"}`,
    })
    assert.equal(answer.status, 422)
    assert.equal(answer.json.errors[0].message, LENGTH)
  })

  it('JSON in UTF-8 is taken however that is written', async () => {
    for (const type of [
      'application/json',
      'Application/JSON',
      'application/json; charset=utf-8',
      'application/json;charset="UTF-8"',
      'application/json;',
    ]) {
      const answer = await send('PUT /:id', {
        headers: { 'content-type': type },
        raw: '{"title":"Kept"}',
      })
      assert.equal(answer.status, 200, type)
    }
    const headers = { ...JSON_TYPE, 'content-encoding': 'identity' }
    assert.equal((await send('PUT /:id', { headers, raw: '{"title":"Kept"}' })).status, 200)
  })

  it('a merge patch is taken by PATCH alone, and is of one type whatever its size', async () => {
    for (const type of [MERGE_PATCH_TYPE, `${MERGE_PATCH_TYPE}; charset=UTF-8`]) {
      const sending = { headers: { 'content-type': type }, raw: '{"title":"Kept"}' }
      assert.equal((await send('PATCH /:id', sending)).status, 200)
    }
    const large = { ...MERGE_PATCH, raw: 'x'.repeat(65_537) }
    assert.equal((await send('PATCH /:id', large)).status, 413)
    assert.equal((await send('PUT /:id', large)).status, 415)
    await unchanged()
  })

  const queries: [query: string, status: number, path?: string, message?: string][] = [
    ['limit=0', 422, '/limit', 'must be 1 to 1000'],
    ['limit=1001', 422, '/limit', 'must be 1 to 1000'],
    ['limit=-1', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=1.5', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=1e2', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=010', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=%2010', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit', 422, '/limit', 'must be a whole number from 1 to 1000'],
    ['limit=1&limit=1', 422, '/limit', 'must be given once'],
    ['completed=1', 422, '/completed', 'must be true or false'],
    ['completed=TRUE', 422, '/completed', 'must be true or false'],
    ['completed=', 422, '/completed', 'must be true or false'],
    ['completed=true&completed=false', 422, '/completed', 'must be given once'],
    ['cursor=x', 422, '/cursor', 'must be the cursor of a Link'],
    ['cursor=', 422, '/cursor', 'must be the cursor of a Link'],
    ['cursor=AAAAAAAAAAAAAAAAAAAAAB', 422, '/cursor', 'must be the cursor of a Link'],
    ['cursor=019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90', 422, '/cursor', 'must be the cursor of a Link'],
    ['offset=1', 422, '/offset', UNKNOWN],
    ['Limit=1', 422, '/Limit', UNKNOWN],
    ['__proto__=1', 422, '/__proto__', UNKNOWN],
    ['=1', 422, '/', UNKNOWN],
    ['limit=%zz', 400],
    ['%ff=1', 400],
    ['limit=1000', 200],
    ['limit=1', 200],
    ['limit=1&completed=false&', 200],
    ['cursor=AAAAAAAAAAAAAAAAAAAAAA', 200],
    ['', 200],
  ]
  for (const [query, status, path, message] of queries) {
    it(`${status} for a list with ?${query}`, async () => {
      const answer = await test.send('GET', `/api/alice/tasks?${query}`)
      assert.equal(answer.status, status)
      if (status === 422) assert.deepEqual(answer.json.errors, [{ in: 'query', path, message }])
    })
  }

  it('7500 repetitions of a parameter cost milliseconds', async () => {
    const start = process.cpuUsage()
    const query = 'a&'.repeat(7_500)
    for (let n = 0; n < 5; n += 1) {
      assert.equal((await test.send('GET', `/api/alice/tasks?${query}`)).status, 422)
    }
    // Of this process, client and server together; what else runs on the machine does not add to it.
    const { user, system } = process.cpuUsage(start)
    assert.ok((user + system) / 1_000 < 1_000)
  })

  it('422 names every fault of a query, the cursor’s too', async () => {
    const { json } = await test.send('GET', '/api/alice/tasks?limit=0&cursor=x&completed=1')
    const paths = json.errors.map(({ path }: { path: string }) => path)
    assert.deepEqual(paths.sort(), ['/completed', '/cursor', '/limit'])
  })

  it('422 names the faults of query and body together', async () => {
    const answer = await send('POST ', { body: { title: 1 } }, '?dry_run=1&x=1&x=2')
    assert.deepEqual(answer.json.errors, [
      { in: 'query', path: '/dry_run', message: 'is unknown: there are no query parameters here' },
      { in: 'query', path: '/x', message: 'is unknown: there are no query parameters here' },
      { in: 'body', path: '/title', message: 'must be a string' },
    ])
    for (const operation of ['GET /:id', 'PUT /:id', 'PATCH /:id', 'DELETE /:id']) {
      const body = operation.startsWith('P') ? { body: { title: 'x' } } : {}
      assert.equal((await send(operation, body, '?x=1')).status, 422)
    }
    await unchanged()
  })
})

describe('the schemas of an operation, which its first request compiles', () => {
  const operations: [method: string, url: string][] = []
  let test: TestApp
  before(async () => {
    const watch = (app: FastifyInstance) =>
      app.addHook('onRoute', ({ method, url, schema }) => {
        if (schema?.body || schema?.querystring) operations.push([String(method), url])
      })
    test = await startApp('postgres', { ACCOUNT_LIMITS: 'off' }, undefined, {}, { watch })
  })
  after(() => test.close())

  it('refuse an unknown query parameter and a body that is no object', async () => {
    assert.ok(operations.length > 20)
    for (const [method, url] of operations) {
      const path = url.replace(':user_id', 'alice').replaceAll(/:\w+/g, MISSING)
      const answer = await test.send(method, `${path}?unknown=1`, { as: 'alice', body: 1 })
      const problem = `${method} ${url}: ${answer.text}`
      if (method !== 'HEAD') assert.match(answer.text, /validation_error/, problem)
      assert.equal(answer.status, 422, problem)
    }
  })
})
