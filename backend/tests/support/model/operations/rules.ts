import { dateAfter } from './dates.ts'
import {
  childrenOf,
  type Item,
  itemsOf,
  type Operation,
  type State,
  type Values,
  type Written,
  withId,
  withItems,
} from './state.ts'

/** What an operation must be answered with, and the tasks afterwards. */
export interface Outcome {
  readonly state: State
  readonly status: number
  /** Of a 422: the members of which one is named. */
  readonly places?: readonly string[]
  /** The task in the response. */
  readonly key?: number
  /** The occurrence that was made. */
  readonly made?: number
}

/** What is known of a transaction before the tasks are read again. */
export interface Circumstances {
  /** A name of the transaction, in place of its time. */
  readonly moment: string
  readonly now: number
  /** Ids that the response has: of a created task, and of the next occurrence. */
  readonly id?: string | undefined
  readonly next?: string | undefined
}

const MOST_CHILDREN = 500

const NEW: Values = {
  ...{ title: '', description: null, completed: false, priority: 'none', tags: [] },
  ...{ due_date: null, due_time: null, due_zone: null, recurrence: null },
}

/** The contract: what an operation does to the tasks of a user. */
export function outcomeOf(state: State, operation: Operation, at: Circumstances): Outcome {
  const refused = (status: number, ...places: string[]): Outcome => ({ state, status, places })
  if (operation.op === 'empty') {
    const gone = itemsOf(state, 'trash').map(purged)
    return { state: withItems(state, ...gone), status: 204 }
  }
  if (operation.op === 'create') return create(state, operation.task, at)
  const item = withId(state, operation.id)
  const where = operation.op === 'restore' || operation.op === 'purge' ? 'trash' : 'list'
  if (item === undefined || item.where !== where) return refused(404)
  if ('if_match' in operation && !isAt(item, operation.if_match)) return refused(412)
  switch (operation.op) {
    case 'update':
      return update(state, item, operation.task, at)
    case 'complete':
      return update(state, item, { completed: operation.completed ?? !item.completed }, at)
    case 'delete': {
      const taken = childrenOf(state, item).filter((child) => child.where === 'list')
      const all = item.parent === undefined ? [item, ...taken] : [item]
      const moment = item.versions === 0 ? at.moment : `${at.moment} + ${item.versions} ms`
      const deleted = all.map((one) => touch({ ...one, where: 'trash', deleted: moment }))
      return { state: withItems(state, ...deleted), status: 204 }
    }
    case 'restore': {
      if (item.parent !== undefined && !canHaveParent(state, item, item.parent)) return refused(409)
      const taken = childrenOf(state, item).filter(
        ({ where, deleted }) => where === 'trash' && deleted === item.deleted,
      )
      const all = item.parent === undefined ? [item, ...taken] : [item]
      const back = all.map((one) => touch({ ...one, where: 'list', deleted: undefined }))
      return { state: withItems(state, ...back), status: 200, key: item.key }
    }
    case 'purge': {
      const children = childrenOf(state, item).filter((child) => child.where === 'trash')
      return { state: withItems(state, ...[item, ...children].map(purged)), status: 204 }
    }
    case 'move': {
      const { before, after, to } = operation
      const neighbour = withId(state, before ?? after ?? '')
      const isOther = neighbour?.where === 'list' && neighbour !== item
      if (to === undefined && !isOther) {
        return refused(422, before === undefined ? '/after' : '/before')
      }
      // Where it is already, it stays as it is: only the server knows, so the comparison decides.
      const moved = { ...item, position: undefined, versions: Number.NaN }
      return { state: withItems(state, moved), status: 200, key: item.key }
    }
  }
}

const touch = (item: Item): Item => ({
  ...item,
  ...{ touched: true, changed: true, versions: item.versions + 1 },
})
const purged = (item: Item): Item => ({ ...item, where: 'gone' })

/** A version is that of the task as it was seen. */
function isAt({ changed, seen }: Item, ifMatch: string | undefined): boolean {
  if (ifMatch === undefined || ifMatch === '*') return true
  return !changed && ifMatch === `"${seen?.updated_at}"`
}

function canHaveParent(state: State, item: Item | undefined, parentKey: number): boolean {
  const parent = state.items.get(parentKey)
  if (parent === undefined || parent === item || parent.where !== 'list') return false
  const isList = ({ where }: Item) => where === 'list'
  if (item !== undefined && childrenOf(state, item).some(isList)) return false
  const children = childrenOf(state, parent).filter(isList).length
  return parent.parent === undefined && children < MOST_CHILDREN
}

/** The key of the parent that a body names; null if it names one that the task cannot have. */
function parentIn(state: State, written: Written, item?: Item): number | undefined | null {
  const { parent_id } = written
  if (parent_id === undefined) return item?.parent
  if (parent_id === null) return undefined
  const parent = withId(state, parent_id)?.key
  if (parent !== undefined && parent === item?.parent) return parent
  return parent !== undefined && canHaveParent(state, item, parent) ? parent : null
}

function create(state: State, { id, ...written }: Written & { id?: string }, at: Circumstances) {
  const present = id === undefined ? undefined : withId(state, id)
  if (present?.where === 'list') return { state, status: 200, key: present.key }
  if (present !== undefined) return { state, status: 409 }
  const parent = parentIn(state, written)
  if (parent === null) return { state, status: 422, places: ['/parent_id'] }
  const { parent_id: _parent, position, ...values } = written
  const key = state.keys + 1
  const item: Item = {
    ...{ ...NEW, ...values, key, id: id?.toLowerCase() ?? at.id, where: 'list', parent, position },
    ...{ series: undefined, start: null, date: null, number: 1, next: undefined },
    ...{ touched: false, changed: false, completedNow: values.completed === true, versions: 1 },
    ...{ born: at.moment, deleted: undefined, seen: undefined },
  }
  const made = item.recurrence === null ? item : withSeries(item, key + 1)
  return { state: { ...withItems(state, made), keys: key + 1 }, status: 201, key }
}

const withSeries = (item: Item, key: number): Item => ({
  ...{ ...item, series: item.series ?? key },
  ...{ start: item.due_date, date: item.due_date, number: 1 },
})

function update(state: State, before: Item, written: Written, at: Circumstances): Outcome {
  const { parent_id: _parent, position = before.position, ...values } = written
  const parent = parentIn(state, written, before)
  if (parent === null) return { state, status: 422, places: ['/parent_id'] }
  let item: Item = { ...before, ...values, position, parent }
  if (JSON.stringify(item) === JSON.stringify(before)) {
    return { state, status: 200, key: before.key }
  }
  const hanging = hangingIn(item)
  if (hanging.length > 0) return { state, status: 422, places: hanging }
  const completes = item.completed && !before.completed
  item = touch({ ...item, completedNow: completes || (item.completed && before.completedNow) })
  let keys = state.keys
  const same = JSON.stringify(item.recurrence) === JSON.stringify(before.recurrence)
  if (item.recurrence !== null && !same) {
    keys += 1
    item = withSeries({ ...item, ...(!before.completed && { next: undefined }) }, keys)
  }
  let others: readonly Item[] = []
  let made: number | undefined
  if (completes && item.recurrence !== null && item.next === undefined) {
    ;[item, ...others] = withNext({ ...state, keys }, item, at)
    made = others[0]?.key
  } else if (before.completed && !item.completed && item.next !== undefined) {
    ;[item, ...others] = withoutNext(state, item)
  }
  const after = withItems({ ...state, keys }, item, ...others)
  return { state: after, status: 200, key: item.key, ...(made !== undefined && { made }) }
}

/** The members of which one is missing another. */
function hangingIn({ due_date, due_time, due_zone, recurrence }: Item): string[] {
  return [
    ...(due_time !== null && due_date === null ? ['/due_time'] : []),
    ...(due_zone !== null && due_time === null ? ['/due_zone'] : []),
    ...(recurrence !== null && due_date === null ? ['/recurrence'] : []),
  ]
}

/** The completed task, its next occurrence, and open copies of its children. */
function withNext(state: State, item: Item, at: Circumstances): [Item, ...Item[]] {
  const { recurrence, due_zone: zone, due_date, start, date, number } = item
  if (recurrence === null || due_date === null || start === null || date === null) return [item]
  const facts = { recurrence, zone, due: due_date, start, date, number }
  const due = dateAfter(facts, at.now)
  if (due === undefined) return [{ ...item, next: 'none' }]
  const fresh: Partial<Item> = {
    ...{ completed: false, next: undefined, touched: false, changed: false, completedNow: false },
    ...{ versions: 1 },
    ...{ born: at.moment, deleted: undefined, seen: undefined },
  }
  const next: Item = Object.assign({ ...item }, fresh, {
    ...{ key: state.keys + 1, id: at.next, number: number + 1, due_date: due, date: due },
  })
  const copies = childrenOf(state, item)
    .filter((child) => child.where === 'list' && typeof child.next !== 'number')
    .map((child, nth) =>
      Object.assign({ ...child }, fresh, {
        ...{ key: next.key + 1 + nth, id: undefined, parent: next.key, number: 1 },
        ...{ recurrence: null, series: undefined, start: null, date: null },
      }),
    )
  return [{ ...item, next: next.key }, next, ...copies]
}

/** The task that is open again, and without its next occurrence, unless that or a child of it was changed. */
function withoutNext(state: State, item: Item): [Item, ...Item[]] {
  const next = typeof item.next === 'number' ? state.items.get(item.next) : undefined
  if (next?.where !== 'list') return [{ ...item, next: undefined }]
  const family = [next, ...childrenOf(state, next)]
  const kept =
    item.parent === next.key || family.some((one) => one.touched || one.born !== next.born)
  return kept ? [item] : [{ ...item, next: undefined }, ...family.map(purged)]
}
