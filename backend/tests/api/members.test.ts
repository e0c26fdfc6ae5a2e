import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const ALL = '/api/alice/tasks'

for (const kind of KINDS) {
  describe(`the members of a task, on ${kind}`, () => {
    let app: TestApp
    before(async () => {
      app = await startApp(kind)
    })
    after(() => app.close())

    const post = async (body: object) => app.send('POST', ALL, { body: { title: 'x', ...body } })
    const make = async (body: object = {}) => {
      const { status, json, text } = await post(body)
      assert.equal(status, 201, text)
      return json
    }
    const put = (id: string, body: object, headers: Record<string, string> = {}) =>
      app.send('PUT', `${ALL}/${id}`, { body, headers })
    const paths = (json: { errors: { path: string }[] }) => json.errors.map(({ path }) => path)

    it('a task that names none of them has their defaults', async () => {
      const { id, created_at, updated_at, ...rest } = await make()
      assert.deepEqual(rest, {
        ...{ user_id: 'alice', title: 'x', description: null, completed: false },
        ...{ completed_at: null, priority: 'none', tags: [] },
        ...{ due_date: null, due_time: null, due_zone: null, due_at: null },
      })
    })

    it('are written by POST and PUT, and cleared by null', async () => {
      const members = {
        ...{ priority: 'high', tags: ['b', 'a "quoted" \\ {x}', 'NULL'] },
        ...{ due_date: '2027-07-01', due_time: '09:30', due_zone: 'Asia/Calcutta' },
      }
      const made = await make(members)
      assert.deepEqual({ ...made, ...members, due_at: '2027-07-01T04:00:00.000Z' }, made)
      const { json: changed } = await put(made.id, { priority: 'low', tags: [], due_zone: null })
      assert.deepEqual(
        [changed.priority, changed.tags, changed.due_time, changed.due_zone, changed.due_at],
        ['low', [], '09:30', null, null],
      )
      const { json: cleared } = await put(made.id, { due_date: null, due_time: null })
      assert.deepEqual([cleared.due_date, cleared.due_time, cleared.priority], [null, null, 'low'])
    })

    it('200 for a task that is sent back whole, which keeps its version', async () => {
      const made = await make({
        ...{ completed: true, priority: 'medium', tags: ['one', 'two'] },
        ...{ due_date: '0001-01-01', due_time: '23:59', due_zone: 'UTC' },
      })
      for (const method of ['PUT', 'PATCH']) {
        const { status, json } = await app.send(method, `${ALL}/${made.id}`, { body: made })
        assert.equal(status, 200)
        assert.deepEqual(json, made)
      }
    })

    it('completed_at is set when a task becomes completed, in each way, and kept until it is open', async () => {
      const { id } = await make()
      const complete = (body?: object) =>
        app.send('PATCH', `${ALL}/${id}/complete`, body ? { body } : {})
      for (const change of [
        () => complete(),
        () => complete({ completed: true }),
        () => put(id, { completed: true }),
      ]) {
        const { json: done } = await change()
        assert.equal(done.completed, true)
        assert.ok(done.completed_at <= done.updated_at && done.completed_at >= done.created_at)
        const { json: kept } = await put(id, { title: done.completed_at, completed: true })
        assert.equal(kept.completed_at, done.completed_at)
        assert.notEqual(kept.updated_at, done.updated_at)
        const { json: open } = await complete()
        assert.deepEqual([open.completed, open.completed_at], [false, null])
      }
      assert.ok((await make({ completed: true })).completed_at)
      const sent = await post({ completed_at: null })
      assert.deepEqual([sent.status, paths(sent.json)], [422, ['/completed_at']])
    })

    it('tags are trimmed, in NFC, and unique without regard to letter case', async () => {
      const repeated = Array.from({ length: 100 }, (_, n) => (n % 2 ? 'Tag' : 'tAG'))
      const most = Array.from({ length: 20 }, (_, n) => `t${n}`)
      const cases: [tags: string[], expected: string[]][] = [
        [
          ['  Home ', 'home', 'WORK', 'HOME\t'],
          ['Home', 'WORK'],
        ],
        [['e\u0301', '\u00e9', 'É'], ['é']],
        [
          ['Straße', 'STRASSE', 'ΟΔΟΣ', 'οδος', 'οδοσ'],
          ['Straße', 'ΟΔΟΣ'],
        ],
        [repeated, ['tAG']],
        [[...most, ...most.map((tag) => tag.toUpperCase())], most],
        [['𝄞'.repeat(50)], ['𝄞'.repeat(50)]],
      ]
      for (const [tags, expected] of cases) assert.deepEqual((await make({ tags })).tags, expected)
    })

    it('422 for what is no member, with its place', async () => {
      const cases: [body: object, ...places: string[]][] = [
        ...['None', '', 'urgent', 1, null].map((priority): [object, string] => [
          { priority },
          '/priority',
        ]),
        ...[null, 'a', {}, 1].map((tags): [object, string] => [{ tags }, '/tags']),
        [
          { tags: ['a', '', ' ', 'b,c', 'a\nb', 'a\u0085b', 1, null, ['x'], 'x'.repeat(51)] },
          ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `/tags/${n}`),
        ],
        [{ tags: ['a', 'A', '\ud800'] }, '/tags/2'],
        [{ tags: Array.from({ length: 21 }, (_, n) => `t${n}`) }, '/tags'],
        ...[
          ...['2027-02-29', '2027-2-03', '2027-04-31', '0000-01-01', '10000-01-01', '2027-13-01'],
          ...[
            '2027-00-01',
            '2027-01-00',
            '20270101',
            '2027-01-01T00:00',
            'today',
            '',
            '1900-02-29',
          ],
          ...['infinity', '-0001-01-01', ' 2027-01-01', 20270101],
        ].map((due_date): [object, string] => [{ due_date }, '/due_date']),
        ...['9:30', '09:30:00', '24:00', '12:60', '', '09.30', '0930', '09:30 ', '٠٩:٣٠', 930].map(
          (due_time): [object, string] => [{ due_date: '2027-01-01', due_time }, '/due_time'],
        ),
        ...[
          ...[
            'GMT+2',
            'UTC+1',
            'EST',
            'CEST',
            'CET',
            'europe/berlin',
            'Europe/Nowhere',
            '',
            '+02:00',
          ],
          ...['Factory', 'posixrules', 'localtime', 'posix/Europe/Berlin', 'EST5EDT4', 'Z', 1],
          ...['Europe/Berlin ', "Europe/Berlin'", '__proto__'],
        ].map((due_zone): [object, string] => [
          { due_date: '2027-01-01', due_time: '00:00', due_zone },
          '/due_zone',
        ]),
        [{ due_time: '09:30' }, '/due_time'],
        [{ due_time: '09:30', due_date: null }, '/due_time'],
        [{ due_zone: 'UTC' }, '/due_zone'],
        [{ due_date: '2027-01-01', due_zone: 'UTC' }, '/due_zone'],
        [{ due_time: '09:30', due_zone: 'UTC' }, '/due_time'],
        [{ due_at: '2027-01-01T00:00:00.000Z' }, '/due_at'],
        [{ due_date: '9999-12-31', due_time: '23:59', due_zone: 'Pacific/Niue' }, '/due_date'],
        [{ due_date: '0001-01-01', due_time: '00:00', due_zone: 'Asia/Tokyo' }, '/due_date'],
        [{ priority: 'x', tags: [','], due_date: 'x' }, '/priority', '/tags/0', '/due_date'],
      ]
      for (const [body, ...places] of cases) {
        const { status, json, text } = await post(body)
        assert.equal(status, 422, JSON.stringify(body))
        assert.deepEqual(paths(json), places, text)
      }
    })
  })
}
