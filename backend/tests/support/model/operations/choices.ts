import fc, { type Arbitrary } from 'fast-check'
import { RULES } from './dates.ts'

/** One of these, as often as its weight says; the first is the simplest. */
function weighted<Choice extends string>(weights: Record<Choice, number>): Arbitrary<Choice> {
  const choices = Object.keys(weights) as Choice[] // its own keys
  return fc.oneof(
    { withCrossShrink: true },
    ...choices.map((choice) => ({ arbitrary: fc.constant(choice), weight: weights[choice] })),
  )
}

export const USERS = 3

/**
 * An operation in words that mean something in any history, so that a history without some of its steps is one as
 * well: which of those tasks that there are then.
 */
const parts = {
  op: weighted({
    create: 22,
    complete: 22,
    update: 18,
    delete: 12,
    restore: 10,
    move: 6,
    purge: 3,
    empty: 1,
  }),
  user: fc.nat(USERS - 1),
  /** Whose task it is, and which of them. */
  whose: weighted({ own: 40, deleted: 4, foreign: 3, gone: 2, unknown: 1 }),
  which: fc.nat(3),
  other: weighted({ own: 20, deleted: 2, foreign: 2, itself: 2, gone: 1, unknown: 1 }),
  otherWhich: fc.nat(2),
  id: weighted({ none: 6, one: 3, two: 1, three: 1 }),
  condition: weighted({ none: 30, current: 3, any: 1, stale: 1 }),
  completed: weighted({ absent: 10, true: 4, false: 2 }),
  title: weighted({ absent: 4, a: 2, b: 1 }),
  due: weighted({
    absent: 10,
    day: 6,
    'another day': 2,
    past: 2,
    time: 2,
    zone: 2,
    'only time': 1,
    'no day': 1,
    nothing: 1,
  }),
  recurrence: weighted({ absent: 8, due: 8, completion: 2, null: 1 }),
  rule: fc.nat(RULES.length - 1),
  parent: weighted({ absent: 8, other: 7, null: 1 }),
  position: weighted({ absent: 20, a0: 1, a0V: 1, '0': 1, '00': 1 }),
  priority: weighted({ absent: 8, high: 1, low: 1 }),
  place: weighted({ before: 3, after: 3, top: 1, bottom: 1 }),
}
const choice = fc.record(parts)
export type Choice = typeof choice extends Arbitrary<infer Value> ? Value : never

const one = fc.record({ kind: fc.constant('one' as const), choice, isKeyed: fc.boolean() })
const batch = fc.record({
  kind: fc.constant('batch' as const),
  user: parts.user,
  choices: fc.array(choice, { minLength: 1, maxLength: 5 }),
  isKeyed: fc.boolean(),
  isDry: weighted({ no: 4, yes: 1 }),
})
/** Several at once, with readers of the feed beside them. */
const together = fc.record({
  kind: fc.constant('together' as const),
  choices: fc.array(choice, { minLength: 2, maxLength: 3 }),
  readers: fc.array(parts.user, { maxLength: 2 }),
  isOneUser: fc.boolean(),
})
/** A reader of the feed goes on, with one page; or from the beginning, or with the token of another user. */
const read = fc.record({
  kind: fc.constant('read' as const),
  user: parts.user,
  limit: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1000 })),
  from: weighted({ token: 12, beginning: 1, 'token of another': 2 }),
})
const again = fc.record({ kind: fc.constant('again' as const), which: fc.nat(5) })
const checkpoint = fc.record({ kind: fc.constant('checkpoint' as const) })

const step = fc.oneof(
  { weight: 30, arbitrary: one },
  { weight: 7, arbitrary: batch },
  { weight: 7, arbitrary: together },
  { weight: 12, arbitrary: read },
  { weight: 3, arbitrary: again },
  { weight: 1, arbitrary: checkpoint },
)
export type OperationsStep = typeof step extends Arbitrary<infer Value> ? Value : never

export const operationSteps = (most: number): Arbitrary<OperationsStep[]> =>
  // Without bias, because short histories do not meet much.
  fc.noBias(fc.array(step, { maxLength: most, size: 'max' }))
