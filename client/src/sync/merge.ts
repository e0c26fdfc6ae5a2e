import type { Task, TaskChange, TaskMember } from '../task.ts'
import type { Conflict } from './local-task.ts'

/** The rest of an update that must still be sent, now that the server has another version. */
export interface Merged {
  readonly change: TaskChange
  readonly from: TaskChange
  /** Members that both sides changed. */
  readonly conflicts: readonly Pick<Conflict, 'member' | 'theirs' | 'ours'>[]
}

/** The most characters (Unicode code points) of a description. */
const LONGEST = 16_384

/**
 * Merges an update with the server's version, member by member: what only one side changed is kept; what both
 * changed alike is done; what both changed differently stays ours, and is a conflict. Of two descriptions both stay.
 *
 * @param from the values that the person saw.
 */
export function merge(change: TaskChange, from: TaskChange, base: Task): Merged {
  const left: Record<string, unknown> = {}
  const seen: Record<string, unknown> = {}
  const conflicts: Merged['conflicts'][number][] = []
  for (const member of membersOf(change)) {
    const theirs = base[member]
    const ours = change[member]
    // The server moves tasks by itself to make room, and nobody wrote that.
    const isTheirs = !isEqual(theirs, from[member]) && member !== 'position'
    const merged =
      isTheirs && member === 'description' ? joined(base.description, change.description) : ours
    if (isEqual(theirs, merged)) continue
    left[member] = merged
    seen[member] = theirs
    if (isTheirs) conflicts.push({ member, theirs, ours })
  }
  return { change: left, from: seen, conflicts }
}

export function membersOf(change: TaskChange): TaskMember[] {
  return Object.keys(change) as TaskMember[] // its keys are members
}

function joined(theirs: string | null, ours: string | null | undefined): string | null {
  if (!theirs || !ours || ours.includes(theirs)) return ours ?? null
  const both = theirs.includes(ours) ? theirs : `${theirs}\n\n${ours}`
  return [...both].length > LONGEST ? ours : both
}

/** Whether two values of a member are the same in JSON. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))]
  return (
    left.length === right.size && left.every(([name, value]) => isEqual(value, right.get(name)))
  )
}
