import type { ReactNode } from 'react'
import { Button } from '../ui/button.tsx'
import styles from './forms.module.css'
import { type FieldText, useSending } from './use-sending.ts'

interface AccountFormProps {
  readonly submit: string
  readonly children: ReactNode
  run(text: FieldText): Promise<void>
}

/** A form that sends its values once, and says what went wrong. */
export function AccountForm({ submit: label, children, run }: AccountFormProps) {
  const { submit, error, isBusy } = useSending(run)
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      {children}
      <p role="alert" className={styles.error}>
        {error}
      </p>
      <Button look="primary" type="submit" isPending={isBusy}>
        {label}
      </Button>
    </form>
  )
}
