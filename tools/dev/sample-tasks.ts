import { v7 as uuidv7 } from 'uuid'
import {
  type CalendarDate,
  dateOf,
  dayOf,
} from '../../backend/src/core/recurrence/calendar-date.ts'
import { LIVES, type Sketch } from './sample-lives.ts'

/** A task as the API takes it, and what happens to it once it is there. */
export interface SampleTask {
  /** The same in every run, so that a second run finds the task. */
  readonly id: string
  /** The members of POST. */
  readonly members: Readonly<Record<string, unknown>>
  readonly afterwards?: Sketch['afterwards']
}

/** The number of tasks of all people. */
const TASKS = 200

/** Further tasks, without dates. */
const CHORES: readonly (readonly [title: string, description?: string])[] = [
  ['Buy coffee beans ☕', 'The dark ones, 2 × 500 g.\nAsk whether they still grind them.'],
  ['Mend the garden chair', 'Not at noon. The screws are in the blue box.'],
  ['Call the plumber'],
  ['Look for a train to Łódź', 'Window seat, and a table if there is one.'],
  ['Write a letter to the editor'],
  ['Oil the bike chain 🚲', '- rear brake\n- the light, again\n- oil the chain'],
  ['Look for the library card', '“The Left Hand of Darkness” is three weeks late.'],
  ['Bake bread', '500 g flour, 350 g water, 10 g salt, and patience.'],
  ['Tune the guitar'],
  ['Learn a song by heart', 'Sing each line five times, then say it aloud.'],
  ['Clean out the inbox', 'Delete all that is older than a month and has no response.'],
  ['Plan dinner', 'Nobody eats mushrooms. One of us eats no gluten.'],
  ['Compare electricity prices'],
  ['Repair the kitchen shelf'],
  ['Print some photos', 'Only the good ones. There are 412.'],
  ['Update the laptop', 'Make a backup first; the rest explains itself.'],
  ['Sort the cables'],
  ['Go for a swim', '1 km, or until the pool closes.'],
  ['Clear the balcony'],
  ['Read one chapter'],
]
const OCCASIONS = [
  'before the party',
  'with Noor',
  'on the way home',
  'after work',
  'this weekend',
  'while it rains',
  'before the move',
  'with the children',
]
const TAGS = ['home', 'errands', 'reading', 'someday']

/** The time in the first id. The others follow hourly, because ids sort by their time. */
const FIRST_MS = Date.UTC(2026, 8, 1)
const HOUR_MS = 3_600_000

/** The ids of all sample tasks, in ascending order. */
const IDS = Array.from({ length: TASKS }, (_, n) =>
  uuidv7({ msecs: FIRST_MS + n * HOUR_MS, seq: 0, random: new Uint8Array(16).fill(n) }),
)

const CHORE_SKETCHES: readonly Sketch[] = OCCASIONS.flatMap((occasion, at) =>
  CHORES.map(
    ([chore, description], n): Sketch => ({
      title: `${chore}, ${occasion}`,
      ...(description !== undefined && { description }),
      ...((at + n) % 5 === 2 && { priority: 'low' }),
      tags: TAGS.filter((_tag, tag) => n % (tag + 4) === 1),
      ...((at + n) % 11 === 4 && { afterwards: 'complete' }),
    }),
  ),
)

const sizeOf = ({ parts }: Sketch) => 1 + (parts ? parts.done.length + parts.open.length : 0)
const WRITTEN = LIVES.flatMap(({ tasks }) => tasks).reduce((sum, one) => sum + sizeOf(one), 0)
const LEFT = CHORE_SKETCHES.slice(0, TASKS - WRITTEN)

/**
 * Makes 200 tasks of three people.
 *
 * @param today the day from which due dates are counted.
 * @returns the names, and the tasks in the order of their creation. A new task is before all others, so the one
 *   that the person sees first comes last.
 */
export function sampleTasks(
  today: CalendarDate,
): readonly { readonly name: string; readonly tasks: readonly SampleTask[] }[] {
  let next = 0
  const id = () => {
    const given = IDS[next]
    next += 1
    if (given === undefined) throw new Error(`There are more than ${TASKS} sample tasks`)
    return given
  }
  return LIVES.map(({ name, tasks }, person) => {
    const chores = LEFT.filter((_chore, n) => n % LIVES.length === person)
    const sketches = [...tasks, ...chores]
    return { name, tasks: sketches.toReversed().flatMap((sketch) => tasksOf(sketch, today, id)) }
  })
}

/** The task and its children. The first child comes last, like the first task. */
function tasksOf(sketch: Sketch, today: CalendarDate, newId: () => string): SampleTask[] {
  const { title, description, priority, tags, parts, afterwards } = sketch
  const id = newId()
  const members = {
    title,
    ...(description !== undefined && { description }),
    ...(priority !== undefined && { priority }),
    ...(tags !== undefined && { tags }),
    ...dueOf(sketch, today),
  }
  const childrenOf = (titles: readonly string[], completed: boolean) =>
    titles.toReversed().map((part) => {
      return { id: newId(), members: { title: part, parent_id: id, completed } }
    })
  return [
    { id, members, ...(afterwards && { afterwards }) },
    ...childrenOf(parts?.open ?? [], false),
    ...childrenOf(parts?.done ?? [], true),
  ]
}

function dueOf({ due, time, zone, rule, from = 'due' }: Sketch, today: CalendarDate) {
  if (due === undefined) return {}
  return {
    due_date: dateOf(dayOf(today) + due),
    ...(time !== undefined && { due_time: time }),
    ...(zone !== undefined && { due_zone: zone }),
    ...(rule !== undefined && { recurrence: { rule, from } }),
  }
}
