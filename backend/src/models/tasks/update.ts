import { differsFrom, updatedOf } from '../update.ts'
import { COLUMNS, type TaskChanges } from './columns.ts'
import { updatedFolded, withFolded } from './folded.ts'
import { LOWER_FIRST_POSITION } from './position.ts'
import { ALIVE, type Part } from './sql.ts'
import { CHANGED, type Change, change, changeAt, type Versions } from './task.ts'

type Member = keyof TaskChanges

/**
 * The members that most requests change. A statement that names only these takes three quarters of the time of the one
 * that names all members. There are few, because each is a prepared statement on every connection.
 */
const USUAL: readonly (readonly Member[])[] = [['completed'], ['title', 'description', 'completed']]

const statementFor = (members?: readonly Member[]) => {
  const isNamed = (name: string) => members === undefined || members.some((one) => one === name)
  const columns = COLUMNS.filter(({ setBy, name }) => setBy !== 'client' || isNamed(name))
  return change({
    onlyIf: differsFrom(columns),
    set: [updatedOf(columns), ...updatedFolded(isNamed)].join(', '),
    ...(isNamed('position') && { also: LOWER_FIRST_POSITION }),
    of: ALIVE,
    outcome: CHANGED,
    versions: '$4',
  })
}
const USUAL_UPDATES = USUAL.map((members) => ({ members, statement: statementFor(members) }))
const UPDATE = statementFor()

/** Sets the given values. If the task already has them, its version stays the same. */
export function updateTask(id: string, changes: TaskChanges, versions: Versions): Part<Change> {
  const given = Object.keys(changes)
  const usual = USUAL_UPDATES.find(({ members }) =>
    given.every((name) => members.some((one) => one === name)),
  )
  return changeAt(usual?.statement ?? UPDATE, [id, withFolded(changes)], versions)
}
