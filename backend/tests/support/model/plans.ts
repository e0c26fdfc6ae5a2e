import fc, { type Arbitrary } from 'fast-check'

/** One of these, as often as its weight says; what stands first is the simplest. */
function weighted<Choice extends string>(weights: Record<Choice, number>): Arbitrary<Choice> {
  const choices = Object.keys(weights) as Choice[] // its own keys
  return fc.oneof(
    { withCrossShrink: true },
    ...choices.map((choice) => ({
      arbitrary: fc.constant(choice),
      weight: Math.round(10 * weights[choice]),
    })),
  )
}

export const PERSONS = 4

/**
 * A request in words that mean something in any history: which task of those there are, not its id.
 * So a history that lost some of its steps is still one, and the shortest that fails can be found.
 */
const parts = {
  operation: weighted({
    list: 10,
    create: 24,
    get: 9,
    update: 10,
    patch: 4,
    flip: 7,
    set: 6,
    delete: 5,
    'list by HEAD': 2,
    'get by HEAD': 2,
    options: 1,
    'another method': 1,
    'the same again': 3,
  }),
  owner: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(PERSONS - 1) },
  ),
  bearer: weighted({ own: 50, 'of another': 3, none: 1, forged: 1, expired: 1 }),
  spelling: weighted({
    canonical: 80,
    'slash behind': 1,
    'double slash': 1,
    capital: 1,
    'dot segment': 1,
  }),
  connection: fc.nat(3),
  /** Which of them, where there are several. */
  which: fc.nat(7),
  whose: weighted({ own: 30, foreign: 6, deleted: 2, random: 2, malformed: 2 }),
  uuid: fc.uuid({ version: 7 }),
  malformed: weighted({
    'not-a-uuid': 1,
    'in upper case': 2,
    'percent-encoded': 2,
    'encoded twice': 1,
    '36 characters': 1,
    'without hyphens': 1,
    'space behind': 1,
    'NUL behind': 1,
    'quote behind': 1,
  }),
  condition: weighted({
    none: 22,
    current: 6,
    stale: 4,
    foreign: 3,
    any: 2,
    weak: 2,
    'one of a list': 2,
    'none of a list': 1,
    'made up': 1,
    unreadable: 1,
  }),
  key: weighted({ none: 20, one: 4, two: 3, three: 1, quoted: 1, unreadable: 0.5 }),
  completed: weighted({ absent: 5, true: 2, false: 2, 'of the wrong type': 0.3 }),
  title: weighted({
    word: 24,
    absent: 3,
    'with space around': 2,
    'of 500 characters': 1,
    'of 501 characters': 0.5,
    blank: 0.5,
    'with NUL': 0.5,
    'with a lone surrogate': 0.5,
    'of the wrong type': 0.5,
  }),
  word: fc.constantFrom(
    'a',
    'b',
    '"\\/\b\u007f\u2028 é e\u0301',
    "'; drop table todo.tasks; -- $1",
    '𝄞',
  ),
  description: weighted({
    absent: 14,
    null: 2,
    word: 6,
    empty: 1,
    'of 16384 characters': 0.3,
    'of 16385 characters': 0.3,
    'with NUL': 0.3,
    'of the wrong type': 0.3,
  }),
  priority: weighted({ absent: 16, low: 2, high: 2, none: 1, unknown: 0.3 }),
  tags: weighted({
    absent: 16,
    some: 3,
    'in two spellings': 2,
    empty: 1,
    'with a comma': 0.3,
    'of the wrong type': 0.3,
  }),
  due: weighted({
    absent: 14,
    'a day': 3,
    'a time': 3,
    'a zone': 3,
    'another time': 1,
    'another zone': 1,
    'no day': 1,
    'no time': 1,
    'no zone': 1,
    nothing: 1,
    malformed: 0.3,
  }),
  extra: weighted({
    nothing: 36,
    'of the path': 2,
    user_id: 1,
    id: 1,
    updated_at: 1,
    unknown: 1,
  }),
  body: weighted({
    object: 36,
    array: 0.5,
    text: 0.5,
    none: 0.5,
    'half of it': 0.5,
    'text/plain': 0.5,
  }),
  filter: weighted({ absent: 12, true: 4, false: 4, yes: 0.5 }),
  limit: weighted({
    absent: 10,
    one: 4,
    two: 3,
    three: 2,
    most: 1,
    none: 0.4,
    'one too many': 0.4,
    'with a zero before': 0.4,
    'with an exponent': 0.4,
  }),
  cursor: weighted({ absent: 16, own: 6, foreign: 4, random: 2, malformed: 1 }),
  parameter: weighted({ none: 40, unknown: 1, repeated: 1 }),
}

const plan = fc.record(parts)
export type Plan = typeof plan extends Arbitrary<infer Value> ? Value : never

export interface Step {
  /** Sent at once. */
  readonly plans: readonly Plan[]
  /** How often each. */
  readonly copies: number
}

const MOST_AT_ONCE = 6

/** For what happens where several want the same: changes of one or two tasks, and what is read then. */
const rival: Arbitrary<Plan> = fc.record({
  ...parts,
  ...{ owner: fc.constant(0), which: fc.nat(1), spelling: fc.constant('canonical') },
  ...{ bearer: fc.constant('own'), whose: fc.constant('own') },
  operation: weighted({
    flip: 8,
    set: 2,
    update: 2,
    patch: 2,
    delete: 2,
    get: 2,
    list: 2,
    create: 2,
  }),
})

const alone = (arbitrary: Arbitrary<Plan>, copies: Arbitrary<number>) =>
  fc.record({ plans: fc.tuple(arbitrary), copies })
const together = (arbitrary: Arbitrary<Plan>) =>
  fc.record({
    plans: fc.array(arbitrary, { maxLength: MOST_AT_ONCE, size: 'max' }),
    copies: fc.constant(1),
  })

const step: Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: alone(plan, fc.constant(1)) },
  { weight: 3, arbitrary: together(plan) },
  { weight: 3, arbitrary: together(rival) },
  { weight: 3, arbitrary: alone(rival, fc.integer({ min: 1, max: MOST_AT_ONCE })) },
)

/** What is done, in which order, and what of it at once. */
export const steps = (most: number): Arbitrary<Step[]> =>
  fc.array(step, { maxLength: most, size: 'max' })
