import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { withDirectClient } from '../../src/database/direct.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

interface Task {
  readonly id: string
  readonly position: string
  readonly title: string
  readonly updated_at: string
}

const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
const isBefore = (a: Task, b: Task) =>
  a.position === b.position ? a.id < b.id : a.position < b.position

/** Numbers from a fixed seed (mulberry32). */
function randomly(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

for (const kind of KINDS) {
  describe(`the manual order on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const send = (user: string, method: string, path: string, body?: unknown, headers = {}) =>
      test.send(method, `/api/${user}/tasks${path}`, {
        as: user,
        headers,
        ...(body !== undefined && { body }),
      })
    const create = async (user: string, title: string, more = {}): Promise<Task> => {
      const { status, json } = await send(user, 'POST', '', { title, ...more })
      assert.equal(status, 201)
      return json
    }
    const move = (user: string, id: string, place: object, headers = {}) =>
      send(user, 'POST', `/${id}/move`, place, headers)
    const moved = async (user: string, id: string, place: object): Promise<Task> => {
      const { status, json, text } = await move(user, id, place)
      assert.equal(status, 200, text)
      return json
    }
    const ordered = async (user: string): Promise<Task[]> => {
      const { json } = await send(user, 'GET', '')
      return json.sort((a: Task, b: Task) => (isBefore(a, b) ? -1 : 1))
    }
    const titles = async (user: string) => (await ordered(user)).map(({ title }) => title).join('')
    const made = async (user: string, names: string, positions: readonly string[] = []) => {
      const tasks: Task[] = []
      for (const [at, title] of [...names].entries()) {
        const position = positions[at]
        tasks.push(await create(user, title, position === undefined ? {} : { position }))
      }
      return tasks
    }
    const seqOf = async (user: string) => {
      const [row] = await test.admin('select seq::int as seq from todo.users where id = $1', [user])
      return Number(row?.seq)
    }

    it('a new task is before all others, also after a move to the top and a position of the client', async () => {
      await made('ann', 'abc')
      assert.equal(await titles('ann'), 'cba')
      const [c, b, a] = await ordered('ann')
      assert.ok(a && b && c)
      await moved('ann', a.id, { to: 'top' })
      await create('ann', 'd')
      assert.equal(await titles('ann'), 'dacb')
      await send('ann', 'PATCH', `/${b.id}`, { position: '5' })
      await create('ann', 'e')
      assert.equal(await titles('ann'), 'ebdac')
      await create('ann', 'f', { position: '2' })
      await create('ann', 'g')
      assert.equal(await titles('ann'), 'gfebdac')
      const chosen = { id: '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e99', title: 'h' }
      await send('ann', 'POST', '', chosen)
      await send('ann', 'POST', '', { title: 'i' }, { 'idempotency-key': 'i' })
      assert.equal(await titles('ann'), 'ihgfebdac')
    })

    it('many new tasks have short positions', async () => {
      let last = ''
      for (let n = 0; n < 70; n += 1) {
        const { position } = await create('bea', 'x')
        assert.ok(last === '' || position < last)
        last = position
      }
      assert.equal(last, 'Yzt')
    })

    it('200 for each place: the task, with a new ETag', async () => {
      const [a, b, c] = await made('cy', 'abc')
      assert.ok(a && b && c)
      assert.equal(await titles('cy'), 'cba')
      const places = [
        [a, { before: c.id }, 'acb'],
        [a, { after: b.id }, 'cba'],
        [c, { to: 'bottom' }, 'bac'],
        [a, { to: 'top' }, 'abc'],
        [c, { after: a.id.toUpperCase() }, 'acb'],
        [a, { before: b.id }, 'cab'],
      ] as const
      let seq = await seqOf('cy')
      for (const [task, place, expected] of places) {
        const answer = await move('cy', task.id, place)
        assert.equal(answer.status, 200)
        const { position, updated_at, ...members } = answer.json
        const { position: before, updated_at: earlier, ...same } = task
        assert.deepEqual(members, same)
        assert.ok(position !== undefined && before !== undefined && updated_at > earlier)
        assert.equal(answer.headers.etag, `"${updated_at}"`)
        assert.equal(await titles('cy'), expected)
        seq += 1
        assert.equal(await seqOf('cy'), seq)
      }
    })

    it('200 for a task that is there already: its ETag stays, and it takes no number', async () => {
      const [a, b, c] = await made('dan', 'abc', ['a1', 'a1', 'a1'])
      assert.ok(a && b && c)
      const [first, second, third] = await ordered('dan')
      assert.ok(first && second && third)
      const seq = await seqOf('dan')
      const places = [
        [first, { to: 'top' }],
        [first, { before: second.id }],
        [second, { after: first.id }],
        [second, { before: third.id }],
        [third, { to: 'bottom' }],
        [third, { after: second.id }],
      ] as const
      for (const [task, place] of places) {
        assert.deepEqual(await moved('dan', task.id, place), task)
      }
      assert.equal(await seqOf('dan'), seq)
      const [only] = await made('dora', 'a')
      for (const to of ['top', 'bottom']) {
        assert.deepEqual(await moved('dora', String(only?.id), { to }), only)
      }
    })

    it('412 for another ETag, 404 for a task that is missing, in the trash or of another user', async () => {
      const [a, b, gone] = await made('eve', 'abc')
      const foreign = await create('mallory', 'x')
      assert.ok(a && b && gone)
      await send('eve', 'DELETE', `/${gone.id}`)
      const stale = await move('eve', a.id, { to: 'top' }, { 'if-match': '"x"' })
      assert.equal(stale.status, 412)
      assert.equal(await titles('eve'), 'ba')
      const current = { 'if-match': `W/"${a.updated_at}"` }
      assert.equal((await move('eve', a.id, { to: 'top' }, current)).status, 200)
      assert.equal((await move('eve', a.id, { to: 'bottom' }, current)).status, 412)
      for (const id of [gone.id, foreign.id, MISSING, 'x']) {
        for (const place of [{ to: 'top' }, { before: b.id }, { after: id }, { after: MISSING }]) {
          // The member must be the id of a task, which is not looked for.
          if (id === 'x' && 'after' in place && place.after === 'x') continue
          for (const headers of [{}, { 'if-match': '"x"' }, { 'if-match': '*' }]) {
            assert.equal((await move('eve', id, place, headers)).status, 404)
          }
        }
      }
      assert.equal(await titles('eve'), 'ab')
    })

    it('422 for a neighbour that is missing, foreign, in the trash or the task itself, alike', async () => {
      const [a, gone] = await made('fay', 'ab')
      const foreign = await create('mallory', 'y')
      assert.ok(a && gone)
      await send('fay', 'DELETE', `/${gone.id}`)
      const seq = await seqOf('fay')
      for (const member of ['before', 'after']) {
        const bodies = new Set<string>()
        for (const id of [gone.id, foreign.id, MISSING, a.id, a.id.toUpperCase(), 'x', '']) {
          const { status, json } = await move('fay', a.id, { [member]: id })
          assert.equal(status, 422)
          assert.equal(json.errors[0].path, `/${member}`)
          bodies.add(JSON.stringify([json.detail, json.errors]))
        }
        assert.equal(bodies.size, 1, [...bodies].join('\n'))
      }
      assert.equal(await seqOf('fay'), seq)
    })

    it('422 for a place that is not exactly one member, and for a bad position', async () => {
      const a = await create('gil', 'a')
      const bad = [
        [{}, ''],
        [{ before: MISSING, to: 'top' }, ''],
        [{ before: MISSING, after: MISSING }, ''],
        [{ to: 'left' }, '/to'],
        [{ to: null }, '/to'],
        [{ before: null }, '/before'],
        [{ after: 1 }, '/after'],
        [{ position: 'a0' }, '/position'],
      ] as const
      for (const [place, path] of bad) {
        const { status, json } = await move('gil', a.id, place)
        assert.deepEqual([status, json.errors[0].path], [422, path], JSON.stringify(place))
      }
      assert.equal((await send('gil', 'POST', `/${a.id}/move`)).status, 422)
      for (const position of ['', 'a-', 'ä', ' a0', 'a0\n', 'a'.repeat(129), null, 1]) {
        for (const [method, path] of [
          ['POST', ''],
          ['PUT', `/${a.id}`],
          ['PATCH', `/${a.id}`],
        ] as const) {
          const { status, json } = await send('gil', method, path, { title: 'a', position })
          assert.deepEqual([status, json.errors[0].path], [422, '/position'])
        }
      }
      const whole = await send('gil', 'PUT', `/${a.id}`, a)
      assert.deepEqual([whole.status, whole.json], [200, a])
      const longest = { position: 'z'.repeat(128) }
      assert.equal((await send('gil', 'PUT', `/${a.id}`, longest)).json.position, longest.position)
    })

    it('a restored task is at its old position', async () => {
      const [a, b, c] = await made('hal', 'abc')
      assert.ok(a && b && c)
      await send('hal', 'DELETE', `/${b.id}`)
      await moved('hal', a.id, { before: c.id })
      await moved('hal', a.id, { after: c.id })
      await send('hal', 'POST', `/trash/${b.id}/restore`)
      const after = await ordered('hal')
      assert.equal(after.find(({ id }) => id === b.id)?.position, b.position)
    })

    it('a new task is before one that was restored after room was made without it', async () => {
      const first = await create('hanna', 'a', { position: '0' })
      await send('hanna', 'DELETE', `/${first.id}`)
      await create('hanna', 'b')
      assert.equal((await send('hanna', 'POST', `/trash/${first.id}/restore`)).status, 200)
      await create('hanna', 'c')
      assert.equal(await titles('hanna'), 'cab')
    })

    it('a gap that is used up is spread, and the changed tasks appear in the feed', async () => {
      const full = 'a0'.padEnd(128, 'V')
      const [a, b, c, d] = await made('ida', 'abcd', [
        'a0',
        `${full.slice(0, -1)}1`,
        `${full.slice(0, -1)}2`,
        'a1',
      ])
      assert.ok(a && b && c && d)
      const { json: start } = await send('ida', 'GET', '/changes')
      const seq = await seqOf('ida')
      const before = new Map((await ordered('ida')).map((task) => [task.id, task]))
      await moved('ida', d.id, { after: b.id })
      assert.equal(await titles('ida'), 'abdc')
      const after = await ordered('ida')
      const changed = after.filter((task) => task.position !== before.get(task.id)?.position)
      assert.ok(changed.length > 1 && changed.every((task) => task.position.length < 70))
      for (const task of after) {
        const isChanged = changed.includes(task)
        assert.equal(task.updated_at !== before.get(task.id)?.updated_at, isChanged)
      }
      const { json: feed } = await send('ida', 'GET', `/changes?since=${start.token}`)
      const told = feed.changes.map(({ task }: { task: Task }) => task)
      assert.deepEqual(
        told.sort((x: Task, y: Task) => (isBefore(x, y) ? -1 : 1)),
        changed,
      )
      assert.equal(await seqOf('ida'), seq + changed.length)
      const { json: one } = await send('ida', 'GET', `/changes?since=${start.token}&limit=1`)
      assert.equal(one.changes.length, 1)
      assert.equal(one.more, true)
    })

    it('before the first there is always room, for moves and new tasks', async () => {
      const zeros = '0'.repeat(128)
      for (const position of ['0', '00', zeros, `${zeros.slice(1)}1`]) {
        const user = `jo${position.length}${position.at(-1)}`
        const [, b] = await made(user, 'ab', [position, 'a1'])
        assert.ok(b)
        const { json: start } = await send(user, 'GET', '/changes')
        await create(user, 'c')
        assert.equal(await titles(user), 'cab', position)
        const { json: feed } = await send(user, 'GET', `/changes?since=${start.token}`)
        const fed = feed.changes.map(({ task }: { task: Task }) => task.title)
        assert.ok(fed.includes('c') && fed.length <= 3)
        await send(user, 'PATCH', `/${b.id}`, { position })
        await send(user, 'POST', '', { title: 'd' }, { 'idempotency-key': 'd' })
        await send(user, 'POST', '', { title: 'e', id: MISSING })
        assert.ok((await titles(user)).startsWith('ed'), await titles(user))
        await send(user, 'PATCH', `/${b.id}`, { position })
        await moved(user, MISSING, { to: 'top' })
        assert.ok((await titles(user)).startsWith('e'))
      }
    })

    it('before the first there is room again, also next to the least of all keys', async () => {
      const least = `A${'0'.repeat(25)}`
      for (const [at, positions] of [
        [`${least}2`, '0'],
        [`${least}1`, '0'],
        [`${least}1`, `${least}1`],
        [`${least}11`, '00'],
        [`${least}2`, `${least}1V`],
        ['1', '0'],
        ['01', '0'],
      ].entries()) {
        const user = `least${at}`
        await made(user, 'ab', positions)
        const [first = ''] = await titles(user)
        for (const title of 'cde') await create(user, title)
        assert.equal((await titles(user)).slice(0, 4), `edc${first}`, positions.join())
      }
    })

    it('equal positions: every move between them holds', async () => {
      const tasks = await made('kim', 'abcdefgh', 'x'.repeat(8).split(''))
      const order = (await ordered('kim')).map(({ id }) => id)
      const random = randomly(7)
      for (let n = 0; n < 12; n += 1) {
        const id = order.splice(random(order.length), 1)[0] ?? ''
        const at = random(order.length)
        await moved('kim', id, { after: order[at] })
        order.splice(at + 1, 0, id)
        assert.deepEqual(
          (await ordered('kim')).map((task) => task.id),
          order,
        )
        const other = tasks[random(tasks.length)]?.id
        await send('kim', 'PATCH', `/${other}`, { position: 'x' })
        order.splice(0, order.length, ...(await ordered('kim')).map((task) => task.id))
      }
    })

    it('random moves, new tasks, positions and deletions: the list is that of a model', async () => {
      const random = randomly(kind === 'pglite' ? 1 : 2)
      const order = (await made('lea', 'abcdef')).map(({ id }) => id).reverse()
      const keys = ['0', '00', 'a0', 'Zz', 'z', 'a1'.padEnd(128, '0')]
      for (let n = 0; n < 120; n += 1) {
        const id = order[random(order.length)] ?? ''
        const kindOfStep = random(10)
        if (kindOfStep === 0) order.unshift((await create('lea', 'n')).id)
        else if (kindOfStep === 1 && order.length > 3) {
          await send('lea', 'DELETE', `/${id}`)
          order.splice(order.indexOf(id), 1)
        } else if (kindOfStep === 2) {
          await send('lea', 'PATCH', `/${id}`, { position: keys[random(keys.length)] })
          order.splice(0, order.length, ...(await ordered('lea')).map((task) => task.id))
        } else {
          order.splice(order.indexOf(id), 1)
          const at = random(order.length)
          const places = [
            { to: 'top' },
            { to: 'bottom' },
            { before: order[at] },
            { after: order[at] },
          ]
          const which = random(4)
          await moved('lea', id, places[which] ?? {})
          order.splice([0, order.length, at, at + 1][which] ?? 0, 0, id)
        }
        if (n % 5 === 0)
          assert.deepEqual(
            (await ordered('lea')).map((task) => task.id),
            order,
          )
      }
      assert.deepEqual(
        (await ordered('lea')).map((task) => task.id),
        order,
      )
    })

    it('concurrent moves all hold', async () => {
      const tasks = await made('mia', 'abcdefghijklmnop')
      const [target, ...others] = tasks
      assert.ok(target)
      for (const place of ['before', 'after'] as const) {
        const answers = await Promise.all(
          others.map(({ id }) => move('mia', id, { [place]: target.id })),
        )
        assert.ok(answers.every(({ status }) => status === 200))
        const list = await ordered('mia')
        assert.equal(list.length, tasks.length)
        assert.equal(new Set(list.map(({ position }) => position)).size, tasks.length)
        assert.equal(list.at(place === 'before' ? -1 : 0)?.id, target.id)
        // In the order of the commits, each was placed next to the target.
        const rows = await test.admin(
          'select id from todo.tasks where user_id = $1 and id <> $2 order by seq',
          ['mia', target.id],
        )
        const commits = rows.map(({ id }) => String(id))
        const expected: string[] =
          place === 'before' ? [...commits, target.id] : [target.id, ...commits.reverse()]
        assert.deepEqual(
          list.map(({ id }) => id),
          expected,
        )
      }
    })

    // The embedded database has one connection.
    if (kind === 'pglite') return

    it('a move sees the move that it waited for', async () => {
      const [a, b, c] = await made('pia', 'abc')
      assert.ok(a && b && c)
      await withDirectClient(test.test.connector.direct, async (client) => {
        await client.query('begin')
        await client.query(`update todo.users set seq = seq + 1 where id = 'pia'`)
        await client.query(
          'update todo.tasks set position = todo.key_before($1), seq = seq + 9 where user_id = $2 and id = $3',
          [c.position, 'pia', a.id],
        )
        const waiting = moved('pia', b.id, { to: 'top' })
        const isWaiting = async () => {
          const rows = await test.admin(
            `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
          return rows.length > 0
        }
        while (!(await isWaiting())) await setImmediate()
        await client.query('commit')
        await waiting
      })
      assert.equal(await titles('pia'), 'bac')
    })

    it('a move does not wait for another user', async () => {
      const [a, b] = await made('nia', 'ab')
      await create('otto', 'x')
      assert.ok(a && b)
      await withDirectClient(test.test.connector.direct, async (client) => {
        await client.query('begin')
        await client.query(`select 1 from todo.users where id = 'otto' for update`)
        await client.query(`select 1 from todo.tasks where user_id = 'otto' for update`)
        await moved('nia', a.id, { before: b.id })
        await client.query('rollback')
      })
    })
  })
}
