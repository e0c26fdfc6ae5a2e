import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { exchange, startApp, type TestApp } from '../support/app.ts'

const LIST = 'GET, HEAD, OPTIONS, POST'
const ONE = 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'
const READ = 'GET, HEAD, OPTIONS'

describe('canonical paths', () => {
  let test: TestApp
  let id: string
  before(async () => {
    test = await startApp('postgres')
    id = (await test.send('POST', '/api/alice/tasks', { body: { title: 'x' } })).json.id
  })
  after(() => test.close())

  const spelled = (path: string) => path.replace(':id', id)
  const methods = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'PROPFIND',
    'TRACE',
    'QUERY',
    'LINK',
  ]

  for (const path of [
    '/api/alice/tasks/',
    '//api/alice/tasks',
    '/api//alice/tasks',
    '/api/alice//tasks',
    '/api/alice/tasks//',
    '/API/alice/tasks',
    '/api/alice/Tasks',
    '/api/./alice/tasks',
    '/api/alice/./tasks',
    '/api/alice/../alice/tasks',
    '/api/../api/alice/tasks',
    '/%61pi/alice/tasks',
    '/api/alice/t%61sks',
    '/api/alice%2Ftasks',
    '/api//tasks',
    '/api/alice/tasks/:id/',
    '/api/alice/tasks//:id',
    '/api/alice/tasks/./:id',
    '/api/alice/tasks/:id/complete/',
    '/api/alice/tasks/:id/Complete',
    '/api/alice/tasks/:id/completed',
    '/api/alice/tasks/:id/toggle',
    '/api/alice/tasks/:id//complete',
    '/api/alice/tasks;a=b',
    '/api/alice',
    '/api',
    '/tasks',
    '/health/',
    '/docs//',
    '/openapi.json/',
    '/openapiXjson',
    '/nothing',
  ]) {
    it(`404 for ${path}`, async () => {
      for (const method of ['GET', 'PATCH', 'OPTIONS']) {
        const answer = await test.send(method, spelled(path), { as: 'alice' })
        assert.equal(answer.status, 404, method)
        assert.equal(answer.json.error, 'not_found')
        assert.equal(answer.headers.allow, undefined)
      }
    })
  }

  it('404 for the name of a resource beside an id in another spelling', async () => {
    for (const name of ['tr%61sh', 'ch%61nges']) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await test.send(method, `/api/alice/tasks/${name}`)
        assert.deepEqual([status, headers.allow], [404, undefined], `${method} ${name}`)
      }
    }
    assert.equal((await test.send('DELETE', '/api/alice/tasks/tr%61sh')).status, 404)
  })

  for (const [path, allow] of [
    ['/api/alice/tasks', LIST],
    ['/api/alice/tasks/:id', ONE],
    ['/api/alice/tasks/:id/complete', 'OPTIONS, PATCH'],
    ['/', READ],
    ['/health', READ],
    ['/livez', READ],
    ['/readyz', READ],
    ['/openapi.json', READ],
    ['/docs', READ],
    ['/docs/', READ],
    ['/favicon.ico', READ],
  ] as const) {
    it(`405 with Allow for every other method of ${path}, with and without a token`, async () => {
      for (const method of methods.filter((name) => !allow.split(', ').includes(name))) {
        for (const as of ['alice', null]) {
          const answer = await test.send(method, spelled(path), { as })
          assert.equal(answer.status, 405, method)
          assert.equal(answer.headers.allow, allow)
          if (method !== 'HEAD') assert.equal(answer.json.error, 'method_not_allowed')
        }
      }
    })

    it(`204 with Allow for OPTIONS of ${path}, without a token or a body`, async () => {
      const answer = await exchange(test.port, 'OPTIONS', spelled(path), {})
      assert.deepEqual([answer.status, answer.text], [204, ''])
      assert.equal(answer.headers.allow, allow)
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    })
  }

  it('400 for a path whose percent-encoding or UTF-8 is broken', async () => {
    for (const path of [
      '/api/%zz/tasks',
      '/api/%/tasks',
      '/api/%ff/tasks',
      '/api/%c0%af/tasks',
      '/%zz',
    ]) {
      const answer = await test.send('GET', path, { as: 'alice' })
      assert.equal(answer.status, 400, path)
      assert.equal(answer.json.error, 'bad_request')
    }
  })

  it('the user id is decoded once, and compared to the letter', async () => {
    for (const path of [
      '/api/%61lice/tasks',
      '/api/%2561lice/tasks',
      '/api/ALICE/tasks',
      '/api/alice%00/tasks',
    ]) {
      const answer = await test.send('GET', path, { as: 'alice' })
      assert.equal(answer.status, path.includes('/%61') ? 200 : 403, path)
    }
  })

  it('404 for a user id longer than any', async () => {
    assert.equal(
      (await test.send('GET', `/api/${'a'.repeat(4000)}/tasks`, { as: 'alice' })).status,
      404,
    )
  })

  it('the absolute form of a target is the same path', async () => {
    const path = spelled('http://example.com/api/alice/tasks/:id')
    assert.equal((await test.send('GET', path, { as: 'alice' })).status, 200)
    assert.equal((await test.send('GET', path, { as: 'bob' })).status, 403)
    assert.equal((await test.send('GET', `${path}/`, { as: 'alice' })).status, 404)
  })
})
