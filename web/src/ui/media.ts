import { useSyncExternalStore } from 'react'

/** Where the details are beside the list, as in shell.module.css. */
export const BESIDE = '(min-width: 78rem)'

/** Whether a field has space for a placeholder of several words. */
export const FOR_LONG_HINTS = '(min-width: 30rem)'

/** @returns whether a media query matches, as it changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const list = matchMedia(query)
      list.addEventListener('change', listener)
      return () => list.removeEventListener('change', listener)
    },
    () => matchMedia(query).matches,
  )
}
