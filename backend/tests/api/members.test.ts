import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isTimeZone } from '../../src/core/time-zones.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { clocksAround } from '../support/clocks.ts'
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
        ...{ recurrence: null, series_id: null, parent_id: null, position: 'a0' },
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

    it('422 for 60 kB of wrong tags, with the first 20 and the number of the others', async () => {
      for (const tag of ['', ',', 1]) {
        const count = 10_000
        const { status, json } = await post({ tags: Array.from({ length: count }, () => tag) })
        assert.deepEqual([status, json.errors.length, json.more], [422, 20, count - 20])
      }
    })

    it('422 for a change that leaves a time without a date or a zone without a time', async () => {
      const made = await make({ due_date: '2027-07-01', due_time: '09:30', due_zone: 'UTC' })
      const dated = await make({ due_date: '2027-07-01' })
      const bare = await make()
      const cases: [task: { id: string }, body: object, place: string][] = [
        [made, { due_date: null }, '/due_time'],
        [made, { due_date: null, due_zone: null }, '/due_time'],
        [made, { due_time: null }, '/due_zone'],
        [made, { due_date: null, due_time: null }, '/due_zone'],
        [made, { due_date: null, due_time: '10:00' }, '/due_time'],
        [
          made,
          { due_date: '9999-12-31', due_time: '23:59', due_zone: 'Pacific/Niue' },
          '/due_date',
        ],
        [dated, { due_zone: 'UTC' }, '/due_zone'],
        [bare, { due_time: '09:30' }, '/due_time'],
        [bare, { due_zone: 'UTC', priority: 'high' }, '/due_zone'],
      ]
      for (const [{ id }, body, place] of cases) {
        const before = await app.send('GET', `${ALL}/${id}`)
        const { status, json, text } = await put(id, body)
        assert.deepEqual([status, paths(json)], [422, [place]], text)
        assert.doesNotMatch(text, /alice/)
        const stale = await put(id, body, { 'if-match': '"2020-01-01T00:00:00.000Z"' })
        assert.equal(stale.status, body === cases[4]?.[1] ? 422 : 412)
        assert.equal((await app.send('GET', `${ALL}/${id}`)).text, before.text)
      }
      const { json } = await put(bare.id, { due_date: '2027-07-01', due_time: '09:30' })
      assert.deepEqual([json.due_time, json.due_at], ['09:30', null])
    })

    it('404 for the same change of a missing task and of one of another user', async () => {
      const { id } = await make({ due_date: '2027-07-01', due_time: '09:30' })
      for (const other of [id, '00000000-0000-7000-8000-000000000001']) {
        const { status } = await app.send('PUT', `/api/bob/tasks/${other}`, {
          body: { due_date: null },
        })
        assert.equal(status, 404)
      }
    })

    it('due_at moves a skipped time forward, and takes the first of a repeated one', async () => {
      const cases = [
        ['2027-03-28', '01:59', 'Europe/Berlin', '2027-03-28T00:59'],
        ['2027-03-28', '02:00', 'Europe/Berlin', '2027-03-28T01:00'],
        ['2027-03-28', '02:30', 'Europe/Berlin', '2027-03-28T01:30'],
        ['2027-03-28', '03:00', 'Europe/Berlin', '2027-03-28T01:00'],
        ['2027-10-31', '01:59', 'Europe/Berlin', '2027-10-30T23:59'],
        ['2027-10-31', '02:00', 'Europe/Berlin', '2027-10-31T00:00'],
        ['2027-10-31', '02:30', 'Europe/Berlin', '2027-10-31T00:30'],
        ['2027-10-31', '02:59', 'Europe/Berlin', '2027-10-31T00:59'],
        ['2027-10-31', '03:00', 'Europe/Berlin', '2027-10-31T02:00'],
        ['2026-11-01', '01:30', 'America/New_York', '2026-11-01T05:30'],
        ['2026-03-08', '02:30', 'America/New_York', '2026-03-08T07:30'],
        ['2027-04-04', '01:45', 'Australia/Lord_Howe', '2027-04-03T14:45'],
        ['2027-10-03', '02:15', 'Australia/Lord_Howe', '2027-10-02T15:45'],
        ['2011-12-30', '12:00', 'Pacific/Apia', '2011-12-30T22:00'],
        ['2027-07-01', '12:00', 'Asia/Kathmandu', '2027-07-01T06:15'],
        ['2027-07-01', '12:00', 'Asia/Katmandu', '2027-07-01T06:15'],
        ['2027-07-01', '12:00', 'Etc/GMT+2', '2027-07-01T14:00'],
        ['2027-07-01', '12:00', 'UTC', '2027-07-01T12:00'],
        ['9999-12-31', '23:59', 'UTC', '9999-12-31T23:59'],
      ]
      for (const [due_date, due_time, due_zone, instant] of cases) {
        const { due_at } = await make({ due_date, due_time, due_zone })
        assert.equal(due_at, `${instant}:00.000Z`, `${due_date} ${due_time} ${due_zone}`)
      }
    })

    it('due_at is the first instant at which the clocks show the time, around every change', async () => {
      const zones = [
        ...['Europe/London', 'America/St_Johns', 'America/Sao_Paulo', 'Asia/Tehran'],
        ...['Australia/Lord_Howe', 'Africa/Casablanca', 'Pacific/Apia', 'Antarctica/Troll'],
      ]
      const cases = zones.flatMap((zone) => clocksAround(zone, 2009, 2014))
      assert.ok(cases.length > 100)
      const rows = await app.admin(
        `select to_char(todo.due_at(clock::date, clock::time, zone) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI') as at
         from unnest($1::timestamp[], $2::text[]) with ordinality given (clock, zone, n) order by n`,
        [cases.map(({ clock }) => clock), cases.map(({ zone }) => zone)],
      )
      for (const [n, { zone, clock, first }] of cases.entries()) {
        assert.equal(rows[n]?.at, first, `${clock} ${zone}`)
      }
    })

    it('a task is due at an instant of every zone that the server accepts', async () => {
      const names = await app.admin('select name from pg_timezone_names order by name')
      const accepted = names.map(({ name }) => String(name)).filter(isTimeZone)
      assert.ok(accepted.length > 580)
      if (kind === 'pglite') {
        const others = names.map(({ name }) => String(name)).filter((name) => !isTimeZone(name))
        const left = ['CET', 'EET', 'EST', 'Factory', 'HST', 'MET', 'MST', 'WET']
        assert.deepEqual(others.sort(), left)
      }
      const [row] = await app.admin(
        `select count(todo.due_at('2027-07-01', '12:00', zone)) as count from unnest($1::text[]) zone`,
        [accepted],
      )
      assert.equal(Number(row?.count), accepted.length)
    })

    it('422 for a zone that the database does not know', async () => {
      const { id } = await make({ due_date: '2027-07-01', due_time: '09:30' })
      await app.admin(`alter function todo.due_at rename to due_at_of_newer_data`)
      await app.admin(
        `create function todo.due_at(due_date date, due_time time, due_zone text) returns timestamptz
         language sql stable strict as $$ select todo.due_at_of_newer_data(due_date, due_time, due_zone || '/New') $$`,
      )
      try {
        const { status, json, text } = await put(id, { due_zone: 'Europe/Berlin' })
        assert.deepEqual([status, paths(json)], [422, ['/due_zone']], text)
      } finally {
        await app.admin('drop function todo.due_at')
        await app.admin('alter function todo.due_at_of_newer_data rename to due_at')
      }
    })

    it('are in the list, the feed and the trash, and tags are overwritten with the text', async () => {
      const made = await make({ tags: ['secret'], priority: 'low', due_date: '2027-07-01' })
      const { json: listed } = await app.send('GET', `${ALL}?limit=1`)
      assert.deepEqual(listed, [made])
      const { json: feed } = await app.send('GET', `${ALL}/changes?limit=1000`)
      assert.deepEqual(feed.changes.at(-1).task, made)
      await app.send('DELETE', `${ALL}/${made.id}`)
      const { json: trashed } = await app.send('GET', `${ALL}/trash/${made.id}`)
      const { deleted_at, updated_at, ...rest } = trashed
      assert.deepEqual({ ...rest, updated_at: made.updated_at }, made)
      assert.equal((await app.send('DELETE', `${ALL}/trash/${made.id}`)).status, 204)
      const rows = await app.admin('select tags from todo.tasks where id = $1', [made.id])
      assert.deepEqual(rows, [{ tags: [] }])
    })

    it('a key covers all members, in one form however they were written', async () => {
      const headers = { 'idempotency-key': `members-${kind}` }
      const send = (body: object) =>
        app.send('POST', ALL, { headers, body: { title: 'once', ...body } })
      const first = await send({ tags: [' a', 'A'], priority: 'none', due_date: null })
      const again = await send({ tags: ['a'] })
      assert.deepEqual([again.headers['idempotency-replayed'], again.text], ['true', first.text])
      for (const body of [{ tags: ['b'] }, { tags: ['a'], priority: 'low' }, {}]) {
        assert.equal((await send(body)).status, 422)
      }
    })
  })
}
