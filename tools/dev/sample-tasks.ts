import { v7 as uuidv7 } from 'uuid'
import type { NewTask } from '../../backend/src/models/tasks/columns.ts'

export interface SampleTask extends NewTask {
  /** The same in every run, so that a second run finds the task. */
  readonly id: string
}

const CHORES: readonly (readonly [title: string, description?: string])[] = [
  ['Buy coffee beans ☕', 'The dark ones, 2 × 500 g.\nAsk whether they still grind them.'],
  ['Water the tomatoes', 'Not at noon. The two on the balcony need twice as much.'],
  ['Call the dentist'],
  ['Book the train to Łódź', 'Window seat, and a table if there is one.'],
  ['Write the thank-you cards'],
  ['Fix the bike 🚲', '- rear brake\n- the light, again\n- oil the chain'],
  ['Return the library books', '“The Left Hand of Darkness” is three weeks late.'],
  ['Bake bread', '500 g flour, 350 g water, 10 g salt, and patience.'],
  ['Practise the piano'],
  ['Learn ten words: 水, 火, 木 …', 'Write each one five times, then say it aloud.'],
  ['Clean out the inbox', 'Whatever is older than a month and has no answer gets none.'],
  ['Plan dinner', 'Nobody eats mushrooms. One of us eats no gluten.'],
  ['Pay the electricity bill'],
  ['Repair the kitchen shelf'],
  ['Send the photos', 'Only the good ones. There are 412.'],
  ['Review the pull request', 'Start with the tests; the rest explains itself.'],
  ['Sort the cables'],
  ['Go for a run', '5 km, or until the rain starts.'],
  ['Wrap the present 🎁'],
  ['Read one chapter'],
]
const OCCASIONS = [
  ...['for Monday', 'before the party', 'with Noor', 'on the way home', 'after work'],
  ...['this weekend', 'while it rains', 'before the move', 'with the children', 'once more'],
]

/** The creation time of the first task. The others follow hourly, because ids sort by their time. */
const FIRST_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

const DAY_MS = 24 * HOUR_MS
const PRIORITIES = ['none', 'low', 'none', 'medium', 'high'] as const
const TAGS = ['home', 'errands', 'work', 'music', 'garden']

/** The due date of every second task, with a time for some, and a time zone for some of those. */
function dueOf(n: number): Pick<SampleTask, 'due_date' | 'due_time' | 'due_zone'> {
  if (n % 2 === 0) return {}
  const due_date = new Date(FIRST_MS + (n * 7 + 3) * DAY_MS).toISOString().slice(0, 10)
  if (n % 5 !== 0) return { due_date }
  return { due_date, due_time: '09:30', due_zone: n % 15 === 0 ? 'Europe/Warsaw' : null }
}

/** 200 tasks, every third of them completed. They are the same in every run. */
export const SAMPLE_TASKS: readonly SampleTask[] = OCCASIONS.flatMap((occasion) =>
  CHORES.map(([chore, description]) => ({ title: `${chore}, ${occasion}`, description })),
).map(({ title, description }, n) => ({
  id: uuidv7({ msecs: FIRST_MS + n * HOUR_MS, seq: 0, random: new Uint8Array(16).fill(n) }),
  title,
  description: description ?? null,
  completed: n % 3 === 0,
  priority: PRIORITIES[n % PRIORITIES.length] ?? 'none',
  tags: TAGS.filter((_tag, at) => n % (at + 3) === 1),
  ...dueOf(n),
}))
