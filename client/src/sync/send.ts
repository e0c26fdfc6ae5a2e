import type { Task } from '../task.ts'
import { TodoError } from '../transport/client.ts'
import { isSignedOut, type Link } from './link.ts'
import { nextOperations, type Operation } from './operation.ts'
import type { Remote } from './remote.ts'
import { acknowledge, begin, putTask, refuse } from './settle.ts'
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
  readonly newId: () => string
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
  let pause: Promise<void> | null = null
  const waitFor = (end: Promise<void>) => {
    pause ??= end.then(() => {
      pause = null
    })
  }
  const failed = (error: unknown) => {
    outbox.report(error)
    waitFor(link.waitAfter(error, signal))
  }
  while (!signal.aborted) {
    const news = outbox.changed()
    // What is not sent can still be folded.
    if (link.isHeld) waitFor(link.untilFree(signal))
    const next = pause === null ? nextOperations(outbox.operations(), sending) : []
    for (const operation of next.slice(0, MOST_AT_ONCE - sending.size)) {
      const { id } = operation
      const work = deliver(outbox, operation, failures, signal).catch(failed)
      sending.set(
        id,
        work.then(() => {
          sending.delete(id)
        }),
      )
    }
    await Promise.race([news, ...sending.values(), ...(pause === null ? [] : [pause])])
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
  const { transact, newId, remote, link } = outbox
  const { id, taskId } = operation
  for (let merges = 0; ; merges += 1) {
    signal.throwIfAborted()
    const sending = await transact([taskId], (draft) => begin(draft, operation, newId))
    if (sending === undefined) return
    let answer = await attempt(remote.send(sending, signal))
    const { edit } = operation
    const isStale = answer.error?.status === 412 && merges < MOST_MERGES
    const isGone = answer.error?.status === 404
    if (isStale || (isGone && edit === 'restore')) {
      // A restored task may be alive already.
      const read = await attempt(remote.read(taskId, signal))
      if (isStale && read.task) {
        const { task } = read
        await transact([taskId], (draft) => {
          // The feed may tell of a deletion that is later.
          putTask(draft, task, draft.row(taskId)?.gone?.at === sending.gone?.at)
        })
        continue
      }
      answer = read
    } else if (isGone && edit === 'delete') {
      answer = { task: null }
    }
    const { task, error } = answer
    if (error === undefined) {
      const ids = task === null ? [taskId, ...outbox.childrenOf(taskId)] : [taskId]
      await transact(ids, (draft) => acknowledge(draft, sending, task))
    } else {
      const count = (failures.get(id) ?? 0) + 1
      failures.set(id, count)
      if (isTemporary(error) || (error.status === 500 && count < MOST_SERVER_ERRORS)) throw error
      await transact([taskId], (draft) => refuse(draft, sending, error.code, error.detail))
    }
    failures.delete(id)
    link.succeeded()
    return
  }
}

type Answer =
  | { readonly task: Task | null; readonly error?: undefined }
  | { readonly task?: undefined; readonly error: TodoError }

/** @throws what is no response of the server. */
async function attempt(response: Promise<Task | null>): Promise<Answer> {
  try {
    return { task: await response }
  } catch (error) {
    if (error instanceof TodoError) return { error }
    throw error
  }
}

/** Whether the server may accept the same operation later. */
function isTemporary(error: TodoError): boolean {
  const { status, retryAfterMs } = error
  return TEMPORARY.includes(status) || retryAfterMs !== null || isSignedOut(error)
}
