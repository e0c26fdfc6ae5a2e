import { type FormEvent, type ReactNode, useState } from 'react'
import { Button } from '../ui/button.tsx'
import styles from './forms.module.css'
import { say } from './say-error.ts'

interface Values {
  readonly name: string
  readonly email: string
  readonly password: string
}

interface AccountFormProps {
  readonly submit: string
  readonly children: ReactNode
  run(values: Values): Promise<void>
}

/** A form that sends its values once, and says what went wrong. */
export function AccountForm({ submit, children, run }: AccountFormProps) {
  const [error, setError] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const text = (name: string) => String(data.get(name) ?? '')
    setBusy(true)
    setError(null)
    try {
      await run({
        name: text('name').trim(),
        email: text('email').trim(),
        password: text('password'),
      })
    } catch (reason) {
      setError(say(reason))
    } finally {
      setBusy(false)
    }
  }

  return (
    <form className={styles.form} onSubmit={(event) => void send(event)}>
      {children}
      <p role="alert" className={styles.error}>
        {error}
      </p>
      <Button look="primary" type="submit" isPending={isBusy}>
        {submit}
      </Button>
    </form>
  )
}
