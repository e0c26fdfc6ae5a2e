import { type ReactNode, useEffect } from 'react'
import { strings } from '../strings.ts'
import { VIEW_TITLE } from './kept-focus.ts'
import styles from './view.module.css'

interface ViewHeadProps {
  readonly title: string
  readonly notes?: readonly (string | null)[]
  readonly children?: ReactNode
}

export function ViewHead({ title, notes = [], children }: ViewHeadProps) {
  useEffect(() => {
    document.title = `${title} · ${strings.product}`
  }, [title])
  const said = notes.filter((note) => note !== null)
  return (
    <div className={styles.head}>
      <h1 id={VIEW_TITLE} tabIndex={-1}>
        {title}
      </h1>
      {said.length > 0 && <p className={styles.note}>{said.join(' · ')}</p>}
      {children}
    </div>
  )
}
