import type { ReactNode } from 'react'
import { strings } from '../strings.ts'
import {
  AllIcon,
  CalendarIcon,
  DoneIcon,
  InboxIcon,
  OfflineIcon,
  SearchIcon,
  TagIcon,
  TodayIcon,
  TrashIcon,
} from '../ui/icons.tsx'
import styles from './view.module.css'

const PICTURES = {
  inbox: InboxIcon,
  today: TodayIcon,
  upcoming: CalendarIcon,
  all: AllIcon,
  completed: DoneIcon,
  trash: TrashIcon,
  tag: TagIcon,
  search: SearchIcon,
}

interface EmptyProps {
  readonly look: keyof typeof PICTURES | 'loading' | 'offline'
  readonly doneToday?: number
  /** In place of the texts of the view. */
  readonly title?: string
  readonly hint?: string
  readonly children?: ReactNode
}

/** A view without tasks: still loading, out of reach, or really empty. */
export function Empty({ look, doneToday = 0, children, ...own }: EmptyProps) {
  if (look === 'loading') return <Bones />
  const Picture = look === 'offline' ? OfflineIcon : PICTURES[look]
  const [title, hint] =
    look === 'offline' ? [strings.status.offline, strings.empty.offline] : strings.empty[look]
  const praise = look === 'today' && doneToday > 0 ? strings.task.doneToday(doneToday) : null
  return (
    <div className={styles.empty}>
      <div className={styles.picture}>
        <Picture size={36} />
      </div>
      <h2>{own.title ?? title}</h2>
      <p>{praise ?? own.hint ?? hint}</p>
      {children}
    </div>
  )
}

function Bones() {
  return (
    <div className={styles.bones} role="img" aria-label={strings.loading}>
      {[1, 2, 3, 4, 5].map((bone) => (
        <div key={bone} className={styles.bone} />
      ))}
    </div>
  )
}
