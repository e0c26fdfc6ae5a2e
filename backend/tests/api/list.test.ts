import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const MANY = 1_037

for (const kind of KINDS) {
  describe(`the list on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
      await test.admin(`insert into todo.users (id) values ('many'), ('other')`)
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select u, ('019ab1c2-7d3e-7a41-8000-' || lpad(to_hex(n), 12, '0'))::uuid, u || ' ' || n, n % 3 = 0, now(), now(), 0
         from generate_series(1, $1) n, (values ('many'), ('other')) users (u)`,
        [MANY],
      )
    })
    after(() => test.close())

    const titles = (tasks: { title: string }[]) => tasks.map(({ title }) => title)
    const newestFirst = Array.from({ length: MANY }, (_, n) => `many ${MANY - n}`)

    /** Follows Link from page to page. */
    async function pages(path: string): Promise<{ title: string }[][]> {
      const all: { title: string }[][] = []
      for (let next: string | undefined = path; next; ) {
        const answer = await test.send('GET', next)
        assert.equal(answer.status, 200)
        all.push(answer.json)
        next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
        const cursor = next && new URLSearchParams(next.split('?')[1]).get('cursor')
        assert.equal(answer.headers['next-cursor'], cursor)
      }
      return all
    }

    it('200 with an empty array where there are no tasks', async () => {
      const answer = await test.send('GET', '/api/nobody/tasks')
      assert.deepEqual([answer.status, answer.text, answer.headers.link], [200, '[]', undefined])
    })

    it('200 with all of the tasks, newest first, however many', async () => {
      const answer = await test.send('GET', '/api/many/tasks')
      assert.equal(answer.status, 200)
      assert.match(String(answer.headers['content-type']), /^application\/json/)
      assert.deepEqual(titles(answer.json), newestFirst)
    })

    it('tasks made one after the other come newest first', async () => {
      for (const title of ['first', 'second', 'third']) {
        await test.send('POST', '/api/order/tasks', { body: { title } })
      }
      assert.deepEqual(titles((await test.send('GET', '/api/order/tasks')).json), [
        'third',
        'second',
        'first',
      ])
    })

    for (const limit of [1, 2, 3]) {
      it(`three tasks in pages of ${limit}: each once, and Link only while there is more`, async () => {
        const user = `pages-${limit}`
        for (const title of ['a', 'b', 'c'])
          await test.send('POST', `/api/${user}/tasks`, { body: { title } })
        const found = await pages(`/api/${user}/tasks?limit=${limit}`)
        assert.deepEqual(titles(found.flat()), ['c', 'b', 'a'])
        assert.equal(found.length, Math.ceil(3 / limit))
      })
    }

    it('pages of 100 give every task once, in order', async () => {
      const found = await pages('/api/many/tasks?limit=100')
      assert.deepEqual(titles(found.flat()), newestFirst)
      assert.equal(found.length, 11)
    })

    it('a page stays where it is while tasks are made and deleted around it', async () => {
      for (const title of ['a', 'b', 'c', 'd'])
        await test.send('POST', '/api/moving/tasks', { body: { title } })
      const first = await test.send('GET', '/api/moving/tasks?limit=2')
      const next = String(first.headers.link).slice(1).split('>')[0] ?? ''
      await test.send('POST', '/api/moving/tasks', { body: { title: 'e' } })
      await test.send('DELETE', `/api/moving/tasks/${first.json[1].id}`)
      assert.deepEqual(titles((await test.send('GET', next)).json), ['b', 'a'])
    })

    for (const completed of [true, false]) {
      it(`completed=${completed} shows those alone, with and without pages`, async () => {
        const wanted = newestFirst.filter(
          (title) => (Number(title.split(' ')[1]) % 3 === 0) === completed,
        )
        const all = await test.send('GET', `/api/many/tasks?completed=${completed}`)
        assert.deepEqual(titles(all.json), wanted)
        const paged = await pages(`/api/many/tasks?completed=${completed}&limit=250`)
        assert.deepEqual(titles(paged.flat()), wanted)
        assert.ok(paged.length > 1)
      })
    }

    it('a cursor of another user shows the own tasks only', async () => {
      const page = await test.send('GET', '/api/other/tasks?limit=10')
      const cursor = page.headers['next-cursor']
      const answer = await test.send('GET', `/api/many/tasks?limit=5&cursor=${cursor}`)
      assert.equal(answer.status, 200)
      assert.ok(answer.json.length === 5)
      for (const task of answer.json) assert.equal(task.user_id, 'many')
    })

    it('HEAD answers with the headers of GET and reads one page', async () => {
      const paged = await test.send('HEAD', '/api/many/tasks?limit=10')
      const got = await test.send('GET', '/api/many/tasks?limit=10')
      assert.equal(paged.text, '')
      assert.equal(paged.headers.link, got.headers.link)
      assert.equal(paged.headers['next-cursor'], got.headers['next-cursor'])
      assert.equal(paged.headers['content-length'], got.headers['content-length'])
      const all = await test.send('HEAD', '/api/many/tasks')
      assert.deepEqual([all.status, all.text], [200, ''])
    })

    /** Makes tasks of `user`, the last of `titles` being the newest. */
    async function fill(user: string, titles: readonly string[], description: string | null) {
      await test.admin('insert into todo.users (id) values ($1) on conflict do nothing', [user])
      await test.admin(
        `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
         select $1, ('019ab1c2-7d3e-7a41-8000-' || lpad(to_hex(n), 12, '0'))::uuid, title, $3, title like 'done %', now(), now(), 0
         from unnest($2::text[]) with ordinality task (title, n)`,
        [user, titles, description],
      )
    }
    const numbered = (word: string, many: number) =>
      Array.from({ length: many }, (_, n) => `${word} ${n}`)

    const LONGEST = [
      ['of four bytes each', '𝄞'.repeat(16_384), 52],
      ['that JSON writes as six', '\u0001'.repeat(10_800), 49],
      ['that are just too many for a short page', 'x'.repeat(2_001), 60],
      ['of a usual note', 'x'.repeat(1_500), 120],
    ] as const
    for (const [which, description, many] of LONGEST) {
      it(`a page of characters ${which} has at most 64 KiB of JSON and one task`, async () => {
        const user = `long-${description.length}`
        const made = numbered('long', many)
        await fill(user, made, description)
        const path = `/api/${user}/tasks`
        const oneTask = Buffer.byteLength((await test.send('GET', `${path}?limit=1`)).text)
        for (const [limit, filter] of [
          [10, '&completed=false'],
          [50, ''],
          [51, '&completed=false'],
          [1000, ''],
        ] as const) {
          const found = await pages(`${path}?limit=${limit}${filter}`)
          assert.deepEqual(titles(found.flat()), made.toReversed())
          for (const page of found) {
            assert.ok(page.length > 0 && page.length <= limit)
            assert.ok(Buffer.byteLength(JSON.stringify(page)) < 65_536 + oneTask)
          }
        }
        assert.deepEqual(titles((await test.send('GET', path)).json), made.toReversed())
      })
    }

    it('the shortest tasks fill a page, too', async () => {
      await fill(
        'u',
        numbered('', 800).map((_, n) => String.fromCharCode(0x61 + (n % 26))),
        null,
      )
      const found = await pages('/api/u/tasks?limit=1000')
      assert.equal(found.flat().length, 800)
      const [first] = found
      assert.ok(Buffer.byteLength(JSON.stringify(first)) >= 65_000)
    })

    describe('a filter that few of many tasks pass', () => {
      /** Open tasks stand at both ends, beside where a statement stops looking, and far from it. */
      const open = [0, 1, 499, 500, 501, 2_499, 2_500, 2_501, 4_498, 4_499]
      const many = numbered('done', 4_500).map((done, n) => (open.includes(n) ? `open ${n}` : done))
      const expected = open.map((n) => `open ${n}`).toReversed()
      before(() => fill('busy', many, null))

      for (const limit of [1, 3, 9, 10, 11, 1000]) {
        it(`gives every one once, in full pages of ${limit}`, async () => {
          const found = await pages(`/api/busy/tasks?completed=false&limit=${limit}`)
          assert.deepEqual(titles(found.flat()), expected)
          const full = found.slice(0, -1)
          assert.ok(full.every((page) => page.length === limit))
        })
      }

      it('gives every one once without pages, and all of the others', async () => {
        const found = await test.send('GET', '/api/busy/tasks?completed=false')
        assert.deepEqual(titles(found.json), expected)
        const done = await test.send('GET', '/api/busy/tasks?completed=true')
        assert.equal(done.json.length, many.length - open.length)
      })

      it('gives an empty array where none passes', async () => {
        await fill('done', numbered('done', 4_001), null)
        for (const query of ['completed=false', 'completed=false&limit=1']) {
          const found = await test.send('GET', `/api/done/tasks?${query}`)
          assert.deepEqual([found.status, found.text, found.headers.link], [200, '[]', undefined])
        }
      })
    })

    it('a slow reader of a long list holds up nobody, and a lost one ends the reading', async () => {
      const slow = await new Promise<IncomingMessage>((resolve, reject) => {
        test.token('many').then((token) =>
          httpRequest({
            host: '127.0.0.1',
            port: test.port,
            path: '/api/many/tasks',
            headers: { authorization: `Bearer ${token}` },
          })
            .on('response', resolve)
            .on('error', reject)
            .end(),
        )
      })
      const others = Array.from({ length: 20 }, () => test.send('GET', '/api/other/tasks?limit=1'))
      for (const { status } of await Promise.all(others)) assert.equal(status, 200)
      slow.destroy()
      assert.equal((await test.send('GET', '/api/many/tasks?limit=1')).status, 200)
    })
  })
}
