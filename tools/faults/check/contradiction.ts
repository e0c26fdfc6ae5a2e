import type { TaskRecord, TaskState } from '../load/record.ts'

export type Kind = 'lost' | 'twice' | 'half-done'

/** A state that is impossible after the acknowledged changes. */
export interface Contradiction {
  readonly kind: Kind
  readonly text: string
}

/**
 * Compares the state of a task with its writer's record. A change without a response may have happened or not,
 * or may still happen after later ones if its statement was delayed. `updated_at` distinguishes these cases,
 * because it is never earlier than in an acknowledged state.
 */
export function contradiction(task: TaskRecord, state: TaskState): Contradiction | undefined {
  const { acknowledged, doubtfulDescriptions, doubtfulFlips } = task
  const is = (kind: Kind, text: string) => ({ kind, text: `${task.title}: ${text}` })
  const sent = doubtfulDescriptions.includes(state.description ?? '')
  if (acknowledged === undefined) {
    return sent ? undefined : is('half-done', `has ${state.description}, which was not sent`)
  }
  if (state.updatedAt < acknowledged.updatedAt) {
    return is('lost', `is at ${state.updatedAt}, and ${acknowledged.updatedAt} was acknowledged`)
  }
  const sameDescription = state.description === acknowledged.description
  const sameSide = state.completed === acknowledged.completed
  if (state.updatedAt === acknowledged.updatedAt) {
    return sameDescription && sameSide ? undefined : is('lost', 'is not what was acknowledged')
  }
  if (!sameDescription && !sent)
    return is('half-done', `has ${state.description}, which is no news`)
  if (doubtfulFlips > 0) return undefined
  if (!sameSide) return is('twice', 'was flipped once more than acknowledged')
  if (doubtfulDescriptions.length === 0) return is('twice', 'was changed again, and nobody asked')
  return undefined
}
