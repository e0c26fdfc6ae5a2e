import type { Choice } from './choices.ts'
import { RULES } from './dates.ts'
import { type Item, itemsOf, type Operation, type State, type Written } from './state.ts'

/** What there is to choose from. */
export interface Surroundings {
  readonly state: State
  /** The tasks of the other users. */
  readonly others: readonly Item[]
  /** Stands in every text of the user. */
  readonly mark: string
}

const UNKNOWN = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
/** Every user of every history chooses the same. */
const CHOSEN: Record<Exclude<Choice['id'], 'none'>, string> = {
  one: '00000000-0000-4000-8000-000000000001',
  two: 'FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF',
  three: '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e91',
}

/** @returns the operation that a choice stands for now. */
export function operationOf(choice: Choice, around: Surroundings): Operation {
  const { op, whose } = choice
  if (op === 'empty') return { op }
  const target = targetOf(choice, around)
  // A user without such a task makes one.
  if (op === 'create' || (target === undefined && whose === 'own')) {
    const id = choice.id === 'none' ? undefined : CHOSEN[choice.id]
    return { op: 'create', task: { ...newTask(choice, around, target), ...(id && { id }) } }
  }
  const id = target?.id ?? UNKNOWN
  if (op === 'restore' || op === 'purge') return { op, id }
  const condition = conditionOf(choice, target)
  switch (op) {
    case 'update':
      return { op, id, task: changesOf(choice, around, target), ...condition }
    case 'complete': {
      const { completed } = choice
      return {
        op,
        id,
        ...(completed !== 'absent' && { completed: completed === 'true' }),
        ...condition,
      }
    }
    case 'delete':
      return { op, id, ...condition }
    case 'move': {
      const { place } = choice
      if (place === 'top' || place === 'bottom') return { op, id, to: place, ...condition }
      return { op, id, [place]: otherOf(choice, around, target), ...condition }
    }
  }
}

function targetOf({ op, whose, which }: Choice, { state, others }: Surroundings): Item | undefined {
  const fromTrash = op === 'restore' || op === 'purge'
  const alive = itemsOf(state, fromTrash ? 'trash' : 'list')
  const candidates = {
    own: alive,
    deleted: itemsOf(state, fromTrash ? 'list' : 'trash'),
    gone: itemsOf(state, 'gone').filter(({ id }) => id !== undefined),
    foreign: others,
    unknown: [],
  }[whose]
  return pick(candidates, which)
}

/** The newest first, of which there may be none. */
function pick(items: readonly Item[], which: number): Item | undefined {
  return items.toSorted((a, b) => b.key - a.key)[which % Math.max(items.length, 1)]
}

function otherOf(choice: Choice, { state, others }: Surroundings, target?: Item): string {
  const { other, otherWhich } = choice
  const own = itemsOf(state, 'list').filter((item) => item !== target)
  const candidates = {
    own,
    deleted: itemsOf(state, 'trash'),
    gone: itemsOf(state, 'gone').filter(({ id }) => id !== undefined),
    foreign: others,
    itself: target === undefined ? [] : [target],
    unknown: [],
  }[other]
  return pick(candidates, otherWhich)?.id ?? UNKNOWN
}

function conditionOf({ condition }: Choice, target?: Item): { if_match?: string } {
  if (condition === 'none') return {}
  if (condition === 'any') return { if_match: '*' }
  const current = target?.seen?.updated_at ?? '2020-01-01T00:00:00.000Z'
  return { if_match: `"${condition === 'stale' ? '2020-01-01T00:00:00.000Z' : current}"` }
}

const DAY = { due_date: '2201-01-31' }
const ZONE = { due_time: '23:30', due_zone: 'Asia/Kolkata' }
const DUES: Record<Choice['due'], Written> = {
  absent: {},
  day: DAY,
  'another day': { due_date: '2201-02-28' },
  past: { due_date: '2020-02-02' },
  time: { ...DAY, due_time: '09:30' },
  zone: { ...DAY, ...ZONE },
  'only time': { due_time: '10:00' },
  'no day': { due_date: null },
  nothing: { due_date: null, due_time: null, due_zone: null, recurrence: null },
}

function changesOf(choice: Choice, around: Surroundings, target?: Item): Written {
  const { title, completed, recurrence, rule, parent, position, priority, due } = choice
  // In the order in which jsonb has them.
  const rules = {
    from: recurrence === 'completion' ? recurrence : 'due',
    rule: RULES[rule] ?? '',
  } as const
  const changes: Written = {
    ...DUES[due],
    ...(title !== 'absent' && { title: `${title} ${around.mark}` }),
    ...(completed !== 'absent' && { completed: completed === 'true' }),
    ...(priority !== 'absent' && { priority, tags: [priority, around.mark] }),
    ...(recurrence !== 'absent' && { recurrence: recurrence === 'null' ? null : rules }),
    ...(parent === 'null' && { parent_id: null }),
    ...(parent === 'other' && { parent_id: otherOf(choice, around, target) }),
    ...(position !== 'absent' && { position }),
  }
  // The validation refuses a body whose own members do not fit together; it has tests of its own.
  const { due_date, recurrence: given } = changes
  const fits = due_date === null && given ? { ...changes, recurrence: null } : changes
  return Object.keys(fits).length > 0 ? fits : { title: `a ${around.mark}` }
}

/** With the members that the others need. */
function newTask(choice: Choice, around: Surroundings, target?: Item): Written {
  const changes = changesOf(choice, around, target)
  const { due_time, recurrence } = changes
  const due =
    due_time || recurrence
      ? { ...DAY, ...changes, due_date: changes.due_date ?? DAY.due_date }
      : changes
  return { title: `a ${around.mark}`, ...due }
}
