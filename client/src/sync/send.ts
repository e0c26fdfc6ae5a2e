import type { Task } from '../task.ts'
import { TodoError } from '../transport/client.ts'
import { isSignedOut, type Link } from './link.ts'
import { nextOperations, type Operation } from './operation.ts'
import { refuse } from './refusals.ts'
import type { Remote } from './remote.ts'
import { isNews, putTask } from './rows.ts'
import { acknowledge, begin, type Clock, unsend } from './sending.ts'
import type { Transact } from './transact.ts'

/** Operations of as many tasks are sent at once. */
const MOST_AT_ONCE = 4
/** The server may fail on an operation that it cannot do. */
const MOST_SERVER_ERRORS = 3
/** Other devices may change a task each time between reading and writing it. */
const MOST_MERGES = 10
const TEMPORARY = [401, 408, 412, 429, 502, 503, 504]

export interface Outbox {
  readonly remote: Remote
  readonly link: Link
  readonly transact: Transact
  /** Is called with each error after which it tries again. */
  readonly report: (error: unknown) => void
  readonly clock: Clock
  /** See `Meta.userId`. */
  userId(): string | null
  /** All operations, in their order. */
  operations(): readonly Operation[]
  /** The tasks that are deleted together with a task. */
  childrenOf(taskId: string): readonly string[]
  /** Waits until there may be something to send. */
  changed(): Promise<void>
}

/** Sends the outbox until the signal. */
export async function sendOutbox(outbox: Outbox, signal: AbortSignal): Promise<void> {
  const { link } = outbox
  const sending = new Map<string, Promise<void>>()
  const failures = new Map<string, number>()
  const failed = (error: unknown) => {
    outbox.report(error)
    link.waitAfter(error, signal)
  }
  while (!signal.aborted) {
    const news = outbox.changed()
    // An operation that is not sent can still be folded.
    const next = link.isHeld ? [] : nextOperations(outbox.operations(), sending)
    for (const operation of next.slice(0, MOST_AT_ONCE - sending.size)) {
      const { id } = operation
      const work = deliver(outbox, operation, failures, signal).catch(failed)
      sending.set(
        id,
        work.finally(() => sending.delete(id)),
      )
    }
    await Promise.race([news, ...sending.values()])
  }
  await Promise.all(sending.values())
}

/** Sends an operation until it is acknowledged or refused. @throws if that must be tried again later. */
async function deliver(
  outbox: Outbox,
  operation: Operation,
  failures: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const { transact, clock, remote, link } = outbox
  const { id, taskId, edit } = operation
  for (let merges = 0; ; merges += 1) {
    signal.throwIfAborted()
    const sending = await transact([taskId], (draft) => begin(draft, operation, clock))
    if (sending === undefined) return
    const { operation: sent, isRepeated, isOld } = sending
    let response = await attempt(remote.send(sent, outbox.userId(), signal))
    const isStale = response.error?.status === 412 && merges < MOST_MERGES
    // Someone may have undone since what was executed at the first request.
    const isPast = isRepeated && !response.error && (edit === 'delete' || edit === 'restore')
    // A restored task may be alive already.
    if (isStale || isPast || (isNotFound(response) && edit === 'restore')) {
      const read = await attempt(remote.read(taskId, outbox.userId(), signal))
      if (isStale && read.task) {
        const { task } = read
        await transact([taskId], (draft) => {
          if (!isOld) unsend(draft, sent)
          // The feed may tell of a deletion that is later.
          putTask(draft, task, isNews(draft, task, sending.row))
        })
        continue
      }
      response = read
    }
    if (isNotFound(response) && (edit === 'delete' || isPast)) response = { task: null }
    const { task, error } = response
    if (error === undefined) {
      const ids = task === null ? [taskId, ...outbox.childrenOf(taskId)] : [taskId]
      await transact(ids, (draft) => acknowledge(draft, sending, task))
    } else {
      if (isTemporary(error)) {
        if (!isRepeated && error.status < 500)
          await transact([taskId], (draft) => unsend(draft, sent))
        throw error
      }
      if (error.status === 500) {
        const count = failures.get(id) ?? 1
        failures.set(id, count + 1)
        if (count < MOST_SERVER_ERRORS) throw error
      }
      // As if it were not in a batch.
      const detail = error.detail.replace(/^operations.0.(task.)?/, '')
      await transact([taskId], (draft) => refuse(draft, sent, error.code, detail))
    }
    failures.delete(id)
    link.succeeded()
    return
  }
}

type Outcome =
  | { readonly task: Task | null; readonly error?: undefined }
  | { readonly task?: undefined; readonly error: TodoError }

/** @throws errors that are no response of the server. */
async function attempt(response: Promise<Task | null>): Promise<Outcome> {
  try {
    return { task: await response }
  } catch (error) {
    if (error instanceof TodoError) return { error }
    throw error
  }
}

/** A proxy responds with 404 as well, such as while the server is deployed. */
function isNotFound({ error }: Outcome): boolean {
  return error?.code === 'not_found'
}

/** Whether the server may accept the same operation later. */
function isTemporary(error: TodoError): boolean {
  const { status, code, retryAfterMs } = error
  // A proxy may refuse long requests for ever. Its other responses do not tell what the server would say.
  if (code === 'unexpected_response') return status !== 413
  return TEMPORARY.includes(status) || retryAfterMs !== null || isSignedOut(error)
}
