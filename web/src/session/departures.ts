import { readStored, store } from './browser-storage.ts'

/**
 * The steps that a sign-out still has to do. They are stored before it begins, so that another tab, or the next start of
 * the page, finishes them.
 */
const SERVER = 'todo.sign-out'
const DATABASES = 'todo.departed'

/** Whether the server has yet to end the session of this browser. */
export const serverDeparture = {
  isDue: () => readStored(SERVER) !== null,
  begin: () => store(SERVER, 'due'),
  end: () => store(SERVER, null),
}

/** @returns the ids of the people whose tasks have to be deleted from this device. */
export function departed(): readonly string[] {
  return (readStored(DATABASES) ?? '').split(' ').filter((id) => id !== '')
}

export function beginDeparture(userId: string): void {
  store(DATABASES, [...new Set([...departed(), userId])].join(' '))
}

export function endDeparture(userId: string): void {
  const rest = departed().filter((id) => id !== userId)
  store(DATABASES, rest.length === 0 ? null : rest.join(' '))
}
