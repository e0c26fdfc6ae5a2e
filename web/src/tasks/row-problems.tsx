import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { Conflict, LocalTask, Refusal } from '../sync/types.ts'
import { Button } from '../ui/button.tsx'
import { AlertIcon } from '../ui/icons.tsx'
import { useObservable } from '../ui/value.ts'
import styles from './problems.module.css'

const texts = strings.problems

/** The changes of a task that the server refused, and the members that another device changed as well. */
export function RowProblems({ task }: { task: LocalTask }) {
  const { sync } = useWorkspace()
  const refusals = useObservable(sync.refusals)
  const conflicts = useObservable(sync.conflicts)
  if (task.saved !== 'refused' && conflicts.length === 0) return null
  return (
    <>
      {refusals.map(
        (refusal) =>
          refusal.taskId === task.id && <RefusalNote key={refusal.id} refusal={refusal} />,
      )}
      {conflicts.map(
        (conflict) =>
          conflict.taskId === task.id && (
            <ConflictNote key={conflict.id} conflict={conflict} task={task} />
          ),
      )}
    </>
  )
}

export function RefusalNote({ refusal }: { refusal: Refusal }) {
  const { sync } = useWorkspace()
  return (
    <span className={styles.refusal}>
      <AlertIcon size={16} />
      <span className={styles.text}>
        {refusal.code === 'changed' ? texts.changed : texts.refused[refusal.edit]}{' '}
        <span className={styles.detail}>{refusal.code === 'changed' ? '' : refusal.detail}</span>
      </span>
      <span className={styles.buttons}>
        <Button look="small" onPress={() => void sync.retry(refusal.id)}>
          {texts.tryAgain}
        </Button>
        <Button look="small" onPress={() => void sync.discard(refusal.id)}>
          {texts.discard}
        </Button>
      </span>
    </span>
  )
}

function ConflictNote({ conflict, task }: { conflict: Conflict; task: LocalTask }) {
  const { sync, actions } = useWorkspace()
  const { member, theirs } = conflict

  async function takeTheirs(): Promise<void> {
    await actions.update([task], { [member]: theirs })
    await sync.dismiss(conflict.id)
  }

  return (
    <span className={styles.conflict}>
      <AlertIcon size={16} />
      <span className={styles.text}>
        {texts.conflict(texts.members[member])}{' '}
        <span className={styles.detail}>
          {texts.theirs}: {sayValue(theirs)}
        </span>
      </span>
      <span className={styles.buttons}>
        <Button look="small" onPress={() => void takeTheirs()}>
          {texts.takeTheirs}
        </Button>
        <Button look="small" onPress={() => void sync.dismiss(conflict.id)}>
          {texts.keepMine}
        </Button>
      </span>
    </span>
  )
}

function sayValue(content: unknown): string {
  if (content === null || content === '' || content === undefined) return texts.nothing
  if (Array.isArray(content))
    return content.length === 0 ? texts.nothing : content.map(String).join(', ')
  if (typeof content === 'object' && 'rule' in content) return String(content.rule)
  return `“${String(content).slice(0, 120)}”`
}
