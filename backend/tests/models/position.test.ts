import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { KINDS, openTestDatabase, type TestDatabase } from '../support/databases.ts'

/** Whether the package fractional-indexing accepts the key. */
function isAccepted(key: string): boolean {
  const head = key.charCodeAt(0)
  const length = head >= 97 ? head - 95 : head >= 65 ? 92 - head : Number.POSITIVE_INFINITY
  if (key.length < length || key === `A${'0'.repeat(26)}`) return false
  return key.length === length || !key.endsWith('0')
}

/** Keys that the package made, and others that clients may write. */
const ACCEPTED = [
  ...[
    'a0',
    'a1',
    'az',
    'b00',
    'b10',
    'bzz',
    'c000',
    'Zz',
    'Z0',
    'Yzz',
    'Y00',
    'X000',
    'a0V',
    'a01',
  ],
  ...['a0zz', 'ZzV', `a0${'z'.repeat(126)}`, `A${'0'.repeat(25)}1`, `z${'z'.repeat(26)}`],
]
const OTHERS = [
  ...[
    '0',
    '00',
    '01',
    '1',
    '5',
    '9',
    'A',
    'Z',
    'a',
    'z',
    'zz',
    'a00',
    'a000',
    'a0V0',
    '0'.repeat(128),
  ],
  ...['z'.repeat(128), `${'0'.repeat(127)}1`, `${'0'.repeat(127)}2`, `A${'0'.repeat(26)}`],
]
const KEYS = [...ACCEPTED, ...OTHERS].sort()
const IS_KEY = /^[0-9A-Za-z]{1,128}$/

for (const kind of KINDS) {
  describe(`positions on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
    })
    after(() => test.close())

    const between = async (pairs: readonly (readonly [string | null, string | null])[]) => {
      const rows = await test.admin(
        `select todo.key_between(low, high) as key from json_to_recordset($1) as pair (low text, high text)`,
        [JSON.stringify(pairs.map(([low, high]) => ({ low, high })))],
      )
      return rows.map(({ key }) => key as string | null)
    }

    it('a key between two others sorts there, as does every longer one', async () => {
      const ends = [null, ...KEYS]
      const pairs = ends.flatMap((low) => ends.map((high) => [low, high] as const))
      const keys = await between(pairs)
      for (const [at, [low, high]] of pairs.entries()) {
        const key = keys[at]
        const what = `${low} < ${key} < ${high}`
        if (low !== null && high !== null && low >= high) assert.equal(key, null, what)
        if (typeof key !== 'string') continue
        assert.match(key, IS_KEY, what)
        assert.ok((low === null || low < key) && (high === null || `${key}zz` < high), what)
        const ofPackage = [low, high].every((one) => one === null || ACCEPTED.includes(one))
        if (ofPackage) assert.ok(isAccepted(key), what)
      }
      const without = pairs.filter(([low, high], at) => {
        const isGap = low === null || high === null || low < high
        return isGap && keys[at] === null
      })
      // Keys of the package leave room, except where they are as long as they may be.
      const long = (key: string | null) => (key?.length ?? 0) > 100
      for (const [low, high] of without) {
        const ofPackage = [low, high].every((one) => one === null || ACCEPTED.includes(one))
        assert.ok(!ofPackage || long(low) || long(high) || low === null, `${low} ${high}`)
      }
    })

    it('keys in one gap, always at the same side, grow by one character in five', async () => {
      for (const side of ['low', 'high'] as const) {
        const [row] = await test.admin(
          `with recursive key (nth, low, high) as (
             select 0, 'a0', 'a1'
             union all
             select nth + 1, case when $1 = 'low' then low else todo.key_between(low, high) end,
               case when $1 = 'low' then todo.key_between(low, high) else high end
             from key where nth < 500 and todo.key_between(low, high) is not null
           ) select max(nth) as nth, max(length(low || high)) as length from key`,
          [side],
        )
        assert.equal(row?.nth, 500)
        assert.ok(Number(row?.length) < 4 + 500 / 5 + 2, `${side} ${row?.length}`)
      }
    })

    it('integers follow each other in both directions, 20 000 times in four characters', async () => {
      for (const up of [true, false]) {
        const [row] = await test.admin(
          `with recursive key (nth, key) as (
             select 0, 'a0' collate "C" union all select nth + 1, todo.key_step(key, $1) from key where nth < 20000
           ), pair as (select key, lag(key) over (order by nth) as before from key)
           select count(*) filter (where key > before)::int as rising, count(*) filter (where key < before)::int as falling,
             max(length(key)) as length, count(distinct key)::int as keys
           from pair`,
          [up],
        )
        assert.deepEqual(
          { ...row },
          { rising: up ? 20000 : 0, falling: up ? 0 : 20000, length: 4, keys: 20001 },
        )
      }
    })

    it('a list without room in a gap is spread beside it, in its order', async () => {
      const lists = [
        ['0'],
        ['0', '00'],
        ['a0', 'a0', 'a0', 'a0', 'a1'],
        Array.from({ length: 100 }, () => 'a0'),
        ['a0', 'a0V', `a0V${'0'.repeat(124)}1`, `a0V${'0'.repeat(124)}2`, 'a1', 'a2'],
        ['5', 'a', 'a0', 'a00', 'a000', 'z'],
        KEYS,
        ['z'.repeat(128), 'z'.repeat(128)],
      ]
      for (const list of lists) {
        for (let place = 0; place <= list.length; place += 1) {
          const rows = await test.admin('select at, key from todo.spread($1, $2) order by at', [
            list,
            place,
          ])
          const spread: string[] = [...list.slice(0, place), '?', ...list.slice(place)]
          for (const { at, key } of rows) spread[Number(at) - 1] = String(key)
          assert.ok(spread.every((key) => IS_KEY.test(key)))
          assert.ok(!spread.includes('?'))
          const changed = rows.map(({ at }) => Number(at) - 1)
          const [first = 0, last = 0] = [changed[0], changed.at(-1)]
          for (let at = Math.max(first, 1); at <= Math.min(last + 1, spread.length - 1); at += 1) {
            assert.ok(String(spread[at - 1]) < String(spread[at]), `${place} ${spread}`)
          }
          for (const { key } of rows) assert.ok(String(key).length < 70)
          assert.ok(rows.every(({ key }) => !String(key).endsWith('0')))
        }
      }
    })
  })
}
