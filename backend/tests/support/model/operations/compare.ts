import { MEMBERS } from '../judge.ts'
import { dueAt } from './dates.ts'
import { type Item, itemsOf, ordered, type Seen, type State } from './state.ts'

/** The tasks of a user, as the server shows them. */
export interface Picture {
  readonly list: readonly Seen[]
  readonly trash: readonly Seen[]
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const POSITION = /^[0-9A-Za-z]{1,128}$/

/**
 * Compares the tasks of the model with a picture, and learns from it what only the server can choose.
 *
 * @param mayMakeRoom whether the server may have given new positions to other tasks.
 * @returns the state, in which everything is known; or the first difference.
 */
export function settle(
  state: State,
  userId: string,
  { list, trash }: Picture,
  mayMakeRoom: boolean,
): State | string {
  const seriesIds = new Map(state.seriesIds)
  const deletions = new Map<string, string>()
  const items = new Map(state.items)
  const ids = new Map<number | undefined, string | null>([[undefined, null]])
  for (const { key, id } of items.values()) if (id !== undefined) ids.set(key, id)
  for (const [where, shown] of [['list', list] as const, ['trash', trash] as const]) {
    const left = new Map(shown.map((task) => [task.id, task]))
    if (left.size < shown.length) return `the ${where} has a task twice`
    const wanted = itemsOf(state, where).sort(
      (a, b) => Number(a.id === undefined) - Number(b.id === undefined) || a.key - b.key,
    )
    for (const item of wanted) {
      const found = [...left.values()].filter((task) =>
        item.id === undefined ? looksLike(item, task, ids) : task.id === item.id,
      )
      // Copies of children that are alike differ in their positions.
      const seen = found.find(({ position }) => position === item.position) ?? found[0]
      if (seen === undefined) return `the ${where} lacks ${JSON.stringify(item)}`
      left.delete(seen.id)
      ids.set(item.key, seen.id)
      const parentId = ids.get(item.parent)
      const expected = expect(item, seen, { userId, parentId, seriesIds, deletions, mayMakeRoom })
      if (typeof expected === 'string') return `${seen.id} in the ${where}: ${expected}`
      if (JSON.stringify(expected) !== JSON.stringify(seen)) {
        return `the ${where} has ${JSON.stringify(seen)}, expected ${JSON.stringify(expected)}`
      }
      items.set(item.key, learned(item, seen))
    }
    const [more] = left.values()
    if (more !== undefined) return `the ${where} has ${JSON.stringify(more)}, which is unexpected`
  }
  const byId = list.map(({ id }) => id)
  if (byId.join() !== byId.toSorted().toReversed().join()) return 'the list is not in its order'
  return { ...state, items, seriesIds }
}

/** Whether a task can be one of which the model does not know the id: a copy of a child. */
function looksLike(item: Item, task: Seen, ids: ReadonlyMap<number | undefined, string | null>) {
  const [a, b] = [item, task].map((one) =>
    JSON.stringify([one.title, one.completed, one.priority, one.tags, one.due_date, one.due_time]),
  )
  const isNew = ![...ids.values()].includes(task.id)
  return a === b && isNew && ids.get(item.parent) === task.parent_id
}

interface Known {
  readonly userId: string
  readonly parentId: string | null | undefined
  readonly seriesIds: Map<number, string>
  /** The times of the deletions of this transaction. */
  readonly deletions: Map<string, string>
  readonly mayMakeRoom: boolean
}

/** The task as it must be shown; or what is wrong with a member that the server chooses. */
function expect(item: Item, task: Seen, known: Known): object | string {
  const before = item.seen
  const shown = before?.position ?? item.position
  const hasMoved = shown !== undefined && task.position !== shown
  const mayMove = known.mayMakeRoom || item.position === undefined
  const isMoved = hasMoved && mayMove && task.position !== item.position
  const position = isMoved ? task.position : (item.position ?? before?.position ?? task.position)
  if (!POSITION.test(position)) return `the position ${position}`
  const isChanged = item.changed || isMoved
  const { created_at = task.created_at } = before ?? {}
  const since = before?.updated_at ?? created_at
  if (isChanged && item.touched && !(task.updated_at > since))
    return `updated_at, not after ${since}`
  if (![created_at, task.updated_at].every((at) => INSTANT.test(at))) return 'no instant'
  const isPlaced = known.mayMakeRoom && before === undefined
  if (!item.touched && !isMoved && !isPlaced && task.updated_at !== created_at)
    return 'an updated_at of its own'
  const completed_at = completedAt(item, task)
  if (completed_at === undefined) return `completed_at, ${task.completed_at}`
  const series_id = seriesId(item, task, known.seriesIds)
  const expected: Record<string, unknown> = {
    ...item,
    ...{ id: item.id ?? task.id, user_id: known.userId, completed_at, due_at: dueAt(item) },
    ...{ series_id, parent_id: known.parentId ?? null, position, created_at },
    updated_at: isChanged || before === undefined ? task.updated_at : before.updated_at,
  }
  const deleted_at = item.deleted && (known.deletions.get(item.deleted) ?? deletedAt(item, task))
  if (item.deleted && deleted_at) known.deletions.set(item.deleted, deleted_at)
  const members = MEMBERS.map((name) => [name, expected[name]])
  return Object.fromEntries(deleted_at ? [...members, ['deleted_at', deleted_at]] : members)
}

/** A time of this transaction; or the one that was shown. */
const deletedAt = ({ deleted = '' }: Item, { deleted_at = '' }: Seen) =>
  INSTANT.test(deleted) ? deleted : deleted_at

/** @returns undefined if the server chose a wrong one. */
function completedAt(item: Item, { completed_at, updated_at }: Seen): string | null | undefined {
  if (!item.completed) return null
  if (!item.completedNow) return item.seen?.completed_at
  return completed_at !== null && INSTANT.test(completed_at) && completed_at <= updated_at
    ? completed_at
    : undefined
}

function seriesId({ series }: Item, task: Seen, ids: Map<number, string>): string | null {
  if (series === undefined) return null
  const known = ids.get(series)
  if (known !== undefined) return known
  if (task.series_id === null || [...ids.values()].includes(task.series_id)) return 'a new id'
  ids.set(series, task.series_id)
  return task.series_id
}

function learned(item: Item, seen: Seen): Item {
  return {
    ...{
      ...item,
      id: seen.id,
      position: seen.position,
      changed: false,
      completedNow: false,
      versions: 0,
    },
    ...{ touched: seen.updated_at !== seen.created_at, born: seen.created_at },
    ...{ deleted: seen.deleted_at, seen },
  }
}

/** Whether there may be no key before the first task. */
export const isFirstCrowded = (state: State): boolean =>
  ordered(itemsOf(state, 'list'))[0]?.position?.startsWith('0') === true

/** Whether there may be no key between two tasks, or none before the first. */
export function isCrowded(state: State): boolean {
  const keys = ordered(itemsOf(state, 'list')).map(({ position = '' }) => position)
  if (isFirstCrowded(state)) return true
  return keys.some((key, at) => {
    const before = keys[at - 1] ?? ''
    return key.startsWith(before) && /^0*$/.test(key.slice(before.length))
  })
}

/** @returns what is wrong with the place of a task that was moved, and with the order of the others. */
export function misplaced(
  before: State,
  after: State,
  {
    id,
    before: follower,
    after: leader,
    to,
  }: { id: string; before?: string; after?: string; to?: string },
): string | undefined {
  const idsOf = (state: State) => ordered(itemsOf(state, 'list')).map((item) => item.id)
  const now = idsOf(after)
  const others = (all: readonly unknown[]) => all.filter((one) => one !== id.toLowerCase()).join()
  if (others(idsOf(before)) !== others(now)) return `the others are in the order ${now}`
  const at = now.indexOf(id.toLowerCase())
  const isThere =
    (follower !== undefined && now[at + 1] === follower.toLowerCase()) ||
    (leader !== undefined && now[at - 1] === leader.toLowerCase()) ||
    (to === 'top' && at === 0) ||
    (to === 'bottom' && at === now.length - 1)
  return isThere ? undefined : `after the move the order is ${now}`
}
