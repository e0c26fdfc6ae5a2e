import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { withDirectClient } from '../../src/database/direct.ts'
import { startApp, type TestApp } from '../support/app.ts'

describe('a change that waits for a deletion, on postgres', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  for (const [method, at, { headers: own, ...sending }] of [
    ['PUT', '', { headers: {}, body: { title: 'changed' } }],
    ['PATCH', '', { headers: {}, body: { title: 'changed' } }],
    ['PATCH', '/complete', { headers: {} }],
    ['PATCH', '/complete', { headers: { 'idempotency-key': 'once' } }],
    ['DELETE', '', { headers: {} }],
  ] as const) {
    it(`404 for ${method} ${JSON.stringify(own)} with the ETag the task had until then`, async () => {
      const { json } = await test.send('POST', '/api/wait/tasks', { body: { title: 'x' } })
      await withDirectClient(test.test.connector.direct, async (client) => {
        await client.query('begin')
        await client.query('delete from todo.tasks where id = $1', [json.id])
        const headers = { 'if-match': `"${json.updated_at}"`, ...own }
        const path = `/api/wait/tasks/${json.id}${at}`
        let answered = false
        const waiting = test.send(method, path, { headers, ...sending }).finally(() => {
          answered = true
        })
        const blocked =
          'select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))'
        while (!answered && (await client.query(blocked)).rowCount === 0);
        await client.query('commit')
        assert.equal((await waiting).status, 404)
      })
    })
  }
})
