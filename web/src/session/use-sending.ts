import { type FormEvent, useState } from 'react'
import { say } from './say-error.ts'

/** @returns the text of a field, without spaces around it unless it is a password. */
export type FieldText = (name: string) => string

/** Sends a form once at a time. @param send throws what the form then says. */
export function useSending(send: (text: FieldText) => Promise<void>) {
  const [error, setError] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)

  /** @returns whether it was sent. */
  async function submit(event: FormEvent<HTMLFormElement>): Promise<boolean> {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    setBusy(true)
    setError(null)
    try {
      await send((name) => textOf(name, fields))
      return true
    } catch (reason) {
      setError(say(reason))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { submit, error, isBusy }
}

function textOf(name: string, fields: FormData): string {
  const text = String(fields.get(name) ?? '')
  return /password/i.test(name) ? text : text.trim()
}
