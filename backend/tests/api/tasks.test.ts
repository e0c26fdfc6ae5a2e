import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { MEMBERS } from '../support/model/judge.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

for (const kind of KINDS) {
  describe(`the tasks of a user on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const create = async (user: string, body: object = { title: 'Buy milk' }) =>
      (await test.send('POST', `/api/${user}/tasks`, { body })).json

    describe('POST', () => {
      it('201 with the task, where it is, and its ETag', async () => {
        const answer = await test.send('POST', '/api/post/tasks', { body: { title: 'Buy milk' } })
        assert.equal(answer.status, 201)
        const task = answer.json
        assert.deepEqual(Object.keys(task), MEMBERS)
        assert.match(task.id, UUID_V7)
        assert.match(task.created_at, INSTANT)
        assert.deepEqual(task, {
          id: task.id,
          user_id: 'post',
          title: 'Buy milk',
          description: null,
          completed: false,
          completed_at: null,
          priority: 'none',
          tags: [],
          ...{ due_date: null, due_time: null, due_zone: null, due_at: null },
          ...{ recurrence: null, series_id: null, parent_id: null },
          position: 'a0',
          created_at: task.created_at,
          updated_at: task.created_at,
        })
        assert.equal(answer.headers.location, `/api/post/tasks/${task.id}`)
        assert.equal(answer.headers.etag, `"${task.updated_at}"`)
        const there = await test.send('GET', String(answer.headers.location))
        assert.equal(there.text, answer.text)
      })

      it('201 with everything a client may set', async () => {
        const task = await create('post', { title: 'A', description: 'B', completed: true })
        assert.deepEqual([task.title, task.description, task.completed], ['A', 'B', true])
      })

      it('201 with the user of the path; 422 for another', async () => {
        const task = await create('post', { title: 'A', user_id: 'post' })
        assert.deepEqual([task.title, task.user_id], ['A', 'post'])
        const body = { title: 'A', user_id: 'put' }
        assert.equal((await test.send('POST', '/api/post/tasks', { body })).status, 422)
      })

      it('201: the title is trimmed, the description is not', async () => {
        const task = await create('post', { title: '\t Buy\u00a0milk \n', description: ' \n x ' })
        assert.deepEqual([task.title, task.description], ['Buy\u00a0milk', ' \n x '])
      })

      it('201: 600 characters are fine when 500 are left after trimming', async () => {
        const task = await create('post', {
          title: `${' '.repeat(60)}${'x'.repeat(500)}${' '.repeat(40)}`,
        })
        assert.equal(task.title, 'x'.repeat(500))
      })

      it('201: what was accepted comes back byte for byte', async () => {
        const texts = [
          '"\\/\b\f\n\r\t\u0001\u001f\u007f\u0080\u2028\u2029\ufeff\ufffe\uffff',
          '👩‍👩‍👧‍👦 e\u0301 é ﷽ 𝄞 \u{10ffff} \u202e',
          `'; drop table todo.tasks; -- $1 %s \${x} {{x}} </script>`,
          'NULL',
          '{"a":1}',
        ]
        for (const description of texts) {
          const task = await create('post', { title: `x${description}x`, description })
          assert.equal(task.title, `x${description}x`)
          assert.equal(task.description, description)
          const listed = (await test.send('GET', '/api/post/tasks?limit=1')).json[0]
          assert.deepEqual(listed, task)
        }
      })

      it('201 for 500 and 16384 characters beyond the basic plane: code points count', async () => {
        const task = await create('post', {
          title: '𝄞'.repeat(500),
          description: '𝄞'.repeat(10_000) + 'x'.repeat(6_384),
        })
        assert.equal([...task.title].length, 500)
        assert.equal([...task.description].length, 16_384)
      })
    })

    describe('GET one', () => {
      it('200 with the task as it was made', async () => {
        const task = await create('get')
        const answer = await test.send('GET', `/api/get/tasks/${task.id}`)
        assert.equal(answer.status, 200)
        assert.deepEqual(answer.json, task)
        assert.equal(answer.headers.etag, `"${task.updated_at}"`)
        assert.match(String(answer.headers['content-type']), /^application\/json/)
      })

      it('404 for an id no task has, and for what is no id', async () => {
        const task = await create('get')
        for (const id of [
          '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90',
          `{${task.id}}`,
          task.id.replaceAll('-', ''),
          `${task.id}%20`,
          `${task.id}%00`,
          '1',
          'complete',
          '%27%20or%201=1',
        ]) {
          const answer = await test.send('GET', `/api/get/tasks/${id}`)
          assert.equal(answer.status, 404, id)
          assert.equal(answer.json.error, 'not_found')
        }
      })

      it('200 for an id in upper case, which is the same task', async () => {
        const task = await create('get')
        const path = `/api/get/tasks/${task.id}`
        const upper = `/api/get/tasks/${task.id.toUpperCase()}`
        const answer = await test.send('GET', upper)
        assert.deepEqual([answer.status, answer.json], [200, task])
        const headers = { 'if-none-match': String(answer.headers.etag) }
        assert.equal((await test.send('GET', upper, { headers })).status, 304)
        for (const method of ['PUT', 'PATCH']) {
          const changed = await test.send(method, upper, { body: { ...task, title: method } })
          assert.deepEqual([changed.status, changed.json.id], [200, task.id])
          assert.deepEqual((await test.send('GET', path)).json, changed.json)
        }
        const once = { headers: { 'idempotency-key': 'both-letter-cases' } }
        const flipped = await test.send('PATCH', `${upper}/complete`, once)
        assert.deepEqual([flipped.status, flipped.json.id], [200, task.id])
        const again = await test.send('PATCH', `${path}/complete`, once)
        assert.equal(again.headers['idempotency-replayed'], 'true')
        const match = { headers: { 'if-match': String(flipped.headers.etag) } }
        assert.equal((await test.send('DELETE', upper, match)).status, 204)
        assert.equal((await test.send('GET', path)).status, 404)
      })

      it('HEAD answers like GET, without the body', async () => {
        const task = await create('get')
        const path = `/api/get/tasks/${task.id}`
        const [got, head] = [await test.send('GET', path), await test.send('HEAD', path)]
        assert.equal(head.status, 200)
        assert.equal(head.text, '')
        for (const name of ['etag', 'content-type', 'content-length']) {
          assert.equal(head.headers[name], got.headers[name], name)
        }
      })
    })

    for (const method of ['PUT', 'PATCH'] as const)
      describe(method, () => {
        it('200: what is left out stays as it is', async () => {
          const task = await create('put', { title: 'A', description: 'kept', completed: true })
          const path = `/api/put/tasks/${task.id}`
          const answer = await test.send(method, path, { body: { title: 'B' } })
          assert.equal(answer.status, 200)
          assert.deepEqual(answer.json, { ...task, title: 'B', updated_at: answer.json.updated_at })
          assert.ok(answer.json.updated_at > task.updated_at)
          assert.equal(answer.headers.etag, `"${answer.json.updated_at}"`)
          assert.deepEqual((await test.send('GET', path)).json, answer.json)
        })

        it('200: null clears the description, and only that', async () => {
          const task = await create('put', { title: 'A', description: 'gone' })
          const { json } = await test.send(method, `/api/put/tasks/${task.id}`, {
            body: { description: null },
          })
          assert.deepEqual([json.title, json.description], ['A', null])
        })

        it('200: a change to what it is already changes nothing', async () => {
          const task = await create('put', { title: 'A', description: null })
          for (const body of [
            { title: 'A' },
            { title: ' A ' },
            { completed: false },
            { description: null },
            { title: 'A', description: null, completed: false },
          ]) {
            const answer = await test.send(method, `/api/put/tasks/${task.id}`, { body })
            assert.deepEqual(answer.json, task)
          }
        })

        it('200: a task that was read may be sent back whole, with a change or without', async () => {
          const task = await create('put', { title: 'A', description: 'B', completed: true })
          const path = `/api/put/tasks/${task.id}`
          const same = await test.send(method, path, { body: task })
          assert.deepEqual([same.status, same.json], [200, task])
          assert.equal(same.headers.etag, `"${task.updated_at}"`)
          const { json } = await test.send(method, path, { body: { ...task, title: 'C' } })
          assert.deepEqual(json, { ...task, title: 'C', updated_at: json.updated_at })
        })

        it('200: members of the server alone change nothing, whatever the times say', async () => {
          const task = await create('put')
          const path = `/api/put/tasks/${task.id}`
          for (const body of [
            { id: task.id },
            { id: task.id.toUpperCase() },
            { user_id: 'put' },
            { created_at: '2020-01-01T00:00:00.000Z', updated_at: null },
            { updated_at: [1] },
          ]) {
            const answer = await test.send(method, path, { body })
            assert.deepEqual([answer.status, answer.json], [200, task])
          }
          const headers = { 'if-match': '"2020-01-01T00:00:00.000Z"' }
          const body = { user_id: 'put' }
          assert.equal((await test.send(method, path, { headers, body })).status, 412)
        })

        it('updated_at moves forward with every change, however fast they come', async () => {
          const task = await create('put')
          let last = task.updated_at
          for (let n = 0; n < 20; n += 1) {
            const { json } = await test.send(method, `/api/put/tasks/${task.id}`, {
              body: { title: `title ${n}` },
            })
            assert.ok(json.updated_at > last, `${json.updated_at} after ${last}`)
            last = json.updated_at
          }
        })

        it('404 for a task that is not there', async () => {
          const path = '/api/put/tasks/019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
          assert.equal((await test.send(method, path, { body: { title: 'x' } })).status, 404)
        })
      })

    describe('PATCH with a merge patch', () => {
      it('200: absent members stay, and null clears what may be null', async () => {
        const task = await create('merge', { title: 'A', description: 'B', completed: true })
        const headers = { 'content-type': 'application/merge-patch+json' }
        const raw = '{"title":" C ","description":null}'
        const answer = await test.send('PATCH', `/api/merge/tasks/${task.id}`, { headers, raw })
        const { updated_at } = answer.json
        assert.equal(answer.status, 200)
        assert.deepEqual(answer.json, { ...task, title: 'C', description: null, updated_at })
        assert.equal(answer.headers.etag, `"${updated_at}"`)
        const cleared = await test.send('PATCH', `/api/merge/tasks/${task.id}`, {
          headers,
          raw: '{"completed":null}',
        })
        assert.equal(cleared.status, 422)
      })
    })

    describe('PATCH complete', () => {
      it('200: without a body, or with {}, it flips', async () => {
        const task = await create('patch')
        const path = `/api/patch/tasks/${task.id}/complete`
        const bare = await test.send('PATCH', path)
        assert.deepEqual([bare.status, bare.json.completed], [200, true])
        assert.equal((await test.send('PATCH', path, { body: {} })).json.completed, false)
        const typed = { headers: { 'content-type': 'application/json' }, raw: '' }
        assert.equal((await test.send('PATCH', path, typed)).json.completed, true)
      })

      it('200: with completed it sets, and again changes nothing', async () => {
        const task = await create('patch')
        const path = `/api/patch/tasks/${task.id}/complete`
        const first = await test.send('PATCH', path, { body: { completed: true } })
        const second = await test.send('PATCH', path, { body: { completed: true } })
        assert.equal(first.json.completed, true)
        assert.equal(second.text, first.text)
        assert.equal(
          (await test.send('PATCH', path, { body: { completed: false } })).json.completed,
          false,
        )
      })

      it('n toggles at once flip n times', async () => {
        for (const n of [2, 7, 20]) {
          const task = await create('patch')
          const path = `/api/patch/tasks/${task.id}/complete`
          const answers = await Promise.all(
            Array.from({ length: n }, () => test.send('PATCH', path)),
          )
          assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
          assert.equal(new Set(answers.map(({ headers }) => headers.etag)).size, n)
          const now = (await test.send('GET', `/api/patch/tasks/${task.id}`)).json
          assert.equal(now.completed, n % 2 === 1)
        }
      })
    })

    describe('DELETE', () => {
      it('204 without a body; then 404, also for deleting again', async () => {
        const task = await create('delete')
        const path = `/api/delete/tasks/${task.id}`
        const answer = await test.send('DELETE', path)
        assert.deepEqual([answer.status, answer.text], [204, ''])
        assert.equal(answer.headers['content-type'], undefined)
        for (const method of ['GET', 'DELETE']) {
          assert.equal((await test.send(method, path)).status, 404)
        }
        assert.equal((await test.send('GET', '/api/delete/tasks')).text, '[]')
      })

      it('204 also where the client sends a JSON type with no body', async () => {
        const task = await create('delete')
        const headers = { 'content-type': 'application/json' }
        const answer = await test.send('DELETE', `/api/delete/tasks/${task.id}`, { headers })
        assert.equal(answer.status, 204)
      })
    })

    describe('If-Match and If-None-Match', () => {
      const stale = '"2020-01-01T00:00:00.000Z"'
      const change = (path: string, operation: string, ifMatch: string) => {
        const [method = '', at = ''] = operation.split(' ')
        return test.send(method, path + at, {
          headers: { 'if-match': ifMatch },
          ...(['PUT', 'PATCH'].includes(operation) && { body: { title: 'changed' } }),
        })
      }

      for (const method of ['PUT', 'PATCH', 'PATCH /complete', 'DELETE']) {
        it(`412 for ${method} with a stale ETag, and nothing changes`, async () => {
          const task = await create('match')
          const path = `/api/match/tasks/${task.id}`
          const etag = `"${task.updated_at}"`
          for (const header of [
            stale,
            '"x"',
            'x',
            'W/"2020-01-01T00:00:00.000Z"',
            `W/"${etag}"`,
            `W/${etag.slice(1, -1)}`,
            etag.slice(1, -1),
            `${etag}x`,
            `x${etag}`,
            `w/${etag}`,
            `"x" ${etag}`,
            `${etag}, x`,
            `${etag}, *`,
            `${stale}; ${etag}`,
            '"9999-99-99T00:00:00.000Z"',
            '"0000-01-01T00:00:00.000Z"',
            '"-000001-01-01T00:00:00.000Z"',
            '"+275760-09-13T00:00:00.000Z"',
          ]) {
            const answer = await change(path, method, header)
            assert.equal(answer.status, 412, header)
            assert.equal(answer.json.error, 'precondition_failed')
          }
          assert.deepEqual((await test.send('GET', path)).json, task)
        })

        it(`${method} goes through with the ETag, one of a list, or *`, async () => {
          for (const header of [
            (etag: string) => etag,
            (etag: string) => `${stale}, ${etag}`,
            (etag: string) => `W/${etag}`,
            (etag: string) => `W/${stale}, "x", W/${etag}`,
            (etag: string) => `"a,b" ,, ${etag} ,`,
            () => '*',
          ]) {
            const task = await create('match')
            const answer = await change(
              `/api/match/tasks/${task.id}`,
              method,
              header(`"${task.updated_at}"`),
            )
            assert.equal(answer.status, method === 'DELETE' ? 204 : 200)
          }
        })

        it(`404 for ${method} of a task that is not there, whatever If-Match says`, async () => {
          for (const header of [stale, '*']) {
            const path = '/api/match/tasks/019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
            assert.equal((await change(path, method, header)).status, 404)
          }
        })
      }

      it('of two changes at once with the same ETag one wins', async () => {
        const task = await create('match')
        const path = `/api/match/tasks/${task.id}`
        const answers = await Promise.all(
          ['a', 'b', 'c', 'd'].map((title) =>
            test.send('PUT', path, {
              body: { title },
              headers: { 'if-match': `"${task.updated_at}"` },
            }),
          ),
        )
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412])
      })

      it('304 without a body while the task is as it was, 200 after a change', async () => {
        const task = await create('match')
        const path = `/api/match/tasks/${task.id}`
        for (const header of [
          `"${task.updated_at}"`,
          `W/"${task.updated_at}"`,
          `"x", "${task.updated_at}"`,
          '*',
        ]) {
          const answer = await test.send('GET', path, { headers: { 'if-none-match': header } })
          assert.deepEqual([answer.status, answer.text], [304, ''], header)
          assert.equal(answer.headers.etag, `"${task.updated_at}"`)
        }
        const malformed = { 'if-none-match': `"${task.updated_at}"x` }
        assert.equal((await test.send('GET', path, { headers: malformed })).status, 200)
        await test.send('PATCH', `${path}/complete`)
        const headers = { 'if-none-match': `"${task.updated_at}"` }
        assert.equal((await test.send('GET', path, { headers })).status, 200)
      })
    })
  })
}
