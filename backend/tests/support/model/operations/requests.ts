import { isDeepStrictEqual } from 'node:util'
import type { Answer } from '../../app.ts'
import { type Outcome, outcomeOf } from './rules.ts'
import type { Operation, Seen, State } from './state.ts'

/** A request, before it is put into bytes. Its path begins behind `/tasks`. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: object | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** The operation as a request of its own. */
export function alone(operation: Operation): Asked {
  switch (operation.op) {
    case 'create':
      return { method: 'POST', path: '', body: operation.task }
    case 'empty':
      return { method: 'DELETE', path: '/trash' }
    case 'purge':
      return { method: 'DELETE', path: `/trash/${operation.id}` }
    case 'restore':
      return { method: 'POST', path: `/trash/${operation.id}/restore` }
  }
  const { id, if_match } = operation
  const headers = if_match === undefined ? {} : { 'if-match': if_match }
  switch (operation.op) {
    case 'update':
      return { method: 'PATCH', path: `/${id}`, body: operation.task, headers }
    case 'delete':
      return { method: 'DELETE', path: `/${id}`, headers }
    case 'complete': {
      const { completed } = operation
      const body = completed === undefined ? undefined : { completed }
      return { method: 'PATCH', path: `/${id}/complete`, body, headers }
    }
    case 'move': {
      const { before, after, to } = operation
      const body = { ...(before && { before }), ...(after && { after }), ...(to && { to }) }
      return { method: 'POST', path: `/${id}/move`, body, headers }
    }
  }
}

/** @returns the id of the next occurrence to which a response links. */
export const nextIn = ({ headers }: Answer): string | undefined =>
  /\/tasks\/([^/>]+)>; rel="next-occurrence"$/.exec(String(headers.link ?? ''))?.[1]

const ERRORS: Readonly<Record<number, string>> = {
  404: 'not_found',
  409: 'conflict',
  412: 'precondition_failed',
  422: 'validation_error',
}

/** @returns how the response to an operation differs from the outcome. */
export function differs(
  { status, key, places = [], made, state }: Outcome,
  answer: Answer,
  { isAlone }: { isAlone: boolean },
): string | undefined {
  if (answer.status !== status) return `expected ${status}`
  if (status >= 400) {
    const [fault] = answer.json.errors ?? []
    const isNamed =
      places.length === 0 || (places.includes(fault?.path) && answer.json.errors.length === 1)
    return answer.json.error === ERRORS[status] && isNamed ? undefined : `expected ${places}`
  }
  if (status === 204) return answer.text === '' ? undefined : 'expected no body'
  const { etag, location } = answer.headers
  const { id, updated_at } = answer.json as Seen // compared with the list later
  if (etag !== `"${updated_at}"`) return `expected the ETag "${updated_at}"`
  const wanted = key === undefined ? undefined : state.items.get(key)?.id
  if (wanted !== undefined && wanted !== id) return `expected the task ${wanted}`
  if (status === 201 && !location?.endsWith(`/tasks/${id}`)) return 'expected a Location'
  const next = nextIn(answer)
  if (made !== undefined) return next === undefined ? 'expected a Link' : undefined
  // Of two devices that complete a task at once, the other may learn of the next occurrence as well.
  return next === undefined || !isAlone ? undefined : 'expected no Link'
}

interface Result {
  readonly status: number
  readonly etag?: string
  readonly task?: Seen
  readonly next_id?: string
}

export interface BatchOutcome {
  readonly state: State
  readonly statuses: readonly number[]
  /** Where the batch fails, and with which members. */
  readonly failed?: { readonly at: number; readonly outcome: Outcome }
  /** The tasks of each operation, and the last one that made a next occurrence of its task. */
  readonly keys: readonly (number | undefined)[]
  readonly makers: ReadonlyMap<number, number>
}

/** What a batch does: everything, or nothing. */
export function batchOutcome(
  state: State,
  operations: readonly Operation[],
  now: number,
  moment: string,
  results: readonly Result[] = [],
): BatchOutcome {
  const statuses: number[] = []
  const keys: (number | undefined)[] = []
  const makers = new Map<number, number>()
  const made = new Set<number>()
  let current = state
  for (const [at, operation] of operations.entries()) {
    const result = results[at]
    const outcome = outcomeOf(current, operation, {
      ...{ moment, now, id: result?.task?.id },
      next: results.find(({ task, next_id }) => next_id && task?.id === result?.task?.id)?.next_id,
    })
    if (outcome.status >= 400) {
      return { state, statuses, keys, makers, failed: { at, outcome } }
    }
    current = outcome.state
    statuses.push(outcome.status)
    keys.push(outcome.key)
    const item = outcome.key === undefined ? undefined : current.items.get(outcome.key)
    if (item === undefined) continue
    if (outcome.made !== undefined) made.add(item.key)
    const asks =
      operation.op === 'complete' || (operation.op === 'update' && operation.task.completed)
    if (asks && item.completed) makers.set(item.key, at)
  }
  for (const key of makers.keys()) {
    const item = current.items.get(key)
    if (!made.has(key) || !item?.completed || typeof item.next !== 'number') makers.delete(key)
  }
  return { state: current, statuses, keys, makers }
}

/** @returns how the response to a batch differs from its outcome. */
export function batchDiffers(
  { failed, statuses, keys, makers, state }: BatchOutcome,
  operations: readonly Operation[],
  answer: Answer,
): string | undefined {
  if (failed !== undefined) {
    const { at, outcome } = failed
    const op = operations[at]?.op
    const body = op === 'create' || op === 'update' ? '/task' : ''
    const { places = [''], status } = outcome
    const wanted = status === 422 ? places.map((place) => body + place) : ['']
    const paths = wanted.map((place) => `/operations/${at}${place}`)
    const path = String(answer.json.errors?.[0]?.path)
    // The id of a deleted task and a bad parent are two faults, of which a batch may name the other one.
    if (status === 409 && answer.status === 422 && path === `/operations/${at}/task/parent_id`) {
      return undefined
    }
    return answer.status === status && paths.includes(path)
      ? undefined
      : `expected ${status} ${paths}`
  }
  if (answer.status !== 200) return `expected 200 with ${statuses}`
  const results: readonly Result[] = answer.json.results
  const got = results.map(({ status }) => status)
  if (!isDeepStrictEqual(got, statuses)) return `expected ${statuses}`
  const nexts = results.flatMap(({ next_id }, at) => (next_id === undefined ? [] : [at]))
  const wanted = [...makers.values()].sort((a, b) => a - b)
  if (!isDeepStrictEqual(nexts, wanted)) return `expected a next_id at ${wanted}`
  for (const [at, { etag, task }] of results.entries()) {
    const key = keys[at]
    const id = key === undefined ? undefined : state.items.get(key)?.id
    if (task?.id !== id) return `expected the task ${id} at ${at}`
    if (task !== undefined && etag !== `"${task.updated_at}"`) return `expected an etag at ${at}`
  }
  return undefined
}
