import type { TaskRecord, TaskState } from '../load/record.ts'

export type Kind = 'lost' | 'twice' | 'half-done'

/** What cannot be, after what was acknowledged. */
export interface Contradiction {
  readonly kind: Kind
  readonly text: string
}

/**
 * Compares the state of a task with what its writer knows of it. A change without an answer may
 * have happened, may not have, and may still happen behind later ones, when its statement was on
 * its way. `updated_at` tells these apart: it never falls behind what was acknowledged.
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
