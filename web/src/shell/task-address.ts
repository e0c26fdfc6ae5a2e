import { useEffect } from 'react'
import type { Value } from '../ui/value.ts'

/** The state of an entry in the history that the page has made for an open task. */
const OPENED = { task: true } as const
const PREFIX = '#task='

/** @returns whether the entry in the history is one that the page has made for an open task. */
export function isOpened(): boolean {
  return history.state?.task === true
}

/** @returns the task that the address names. */
export function taskOfAddress(): string | null {
  return location.hash.startsWith(PREFIX) ? location.hash.slice(PREFIX.length) : null
}

/** @returns the fragment that opens a task in every view. The server never gets it. */
export function fragmentOf(id: string): string {
  return PREFIX + id
}

/** Keeps the address and the open task in step: a link opens its task, and Back closes the task. */
export function useTaskAddress(open: Value<string | null>): void {
  useEffect(() => {
    const read = () => open.set(taskOfAddress())
    const write = () => show(open.get())
    read()
    const stop = open.subscribe(write)
    addEventListener('popstate', read)
    return () => {
      stop()
      removeEventListener('popstate', read)
    }
  }, [open])
}

function show(id: string | null): void {
  const shown = taskOfAddress()
  if (id === shown) return
  // A `base` element would make a fragment alone an address of another view.
  const path = location.pathname + location.search
  if (id === null) {
    if (isOpened()) history.back()
    else history.replaceState(null, '', path)
  } else if (shown === null) {
    // When the task is closed, the list stays where the person has scrolled it meanwhile.
    history.scrollRestoration = 'manual'
    history.pushState(OPENED, '', path + fragmentOf(id))
  } else history.replaceState(history.state, '', path + fragmentOf(id))
}
