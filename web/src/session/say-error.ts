import { ConnectionError, TodoError } from '@todo-backend/client/accounts'
import { strings } from '../strings.ts'

/** @returns the cause of an error, in words for a person. */
export function say(error: unknown): string {
  if (error instanceof ConnectionError) return strings.session.noConnection
  if (error instanceof TodoError) {
    if (error.code === 'EMAIL_NOT_VERIFIED') return strings.session.notVerified
    return error.code === 'INVALID_EMAIL_OR_PASSWORD' ? strings.session.wrong : error.detail
  }
  return error instanceof Error ? error.message : String(error)
}
