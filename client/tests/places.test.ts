import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { Places } from '../src/sync/places.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Keys of the server do not end with a zero, which would leave no room before them. */
const key = fc
  .array(fc.constantFrom(...DIGITS), { minLength: 1, maxLength: 4 })
  .map((digits) => digits.join(''))
  .filter((text) => !text.endsWith('0'))

it('a place shows a task exactly there, for any positions of the others', () => {
  const keys = fc.uniqueArray(key, { minLength: 3, maxLength: 12 })
  const moves = fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.nat(3)), { maxLength: 30 })
  fc.assert(
    fc.property(keys, moves, (positions, steps) => {
      const tasks = positions.map((position, n) => ({ id: `id-${n}`, position }))
      const places = new Places(tasks)
      const sorted = () =>
        tasks.toSorted((a, b) => (a.position < b.position ? -1 : 1)).map(({ id }) => id)
      for (const [at, to, kind] of steps) {
        const [task, other] = [tasks[at % tasks.length], tasks[to % tasks.length]]
        if (!task || !other || task === other) continue
        const expected = sorted().filter((id) => id !== task.id)
        const next = expected.indexOf(other.id)
        const choices = [
          [{ to: 'top' }, 0],
          [{ to: 'bottom' }, expected.length],
          [{ before: other.id }, next],
          [{ after: other.id }, next + 1],
        ] as const
        const [place, index] = choices[kind] ?? choices[0]
        const before = sorted()
        const back = places.of(task.id)
        task.position = places.put(task.id, place)
        expected.splice(index, 0, task.id)
        assert.deepEqual(sorted(), expected)
        task.position = places.put(task.id, back)
        assert.deepEqual(sorted(), before)
      }
    }),
    { seed: 61, numRuns: 200 },
  )
})
