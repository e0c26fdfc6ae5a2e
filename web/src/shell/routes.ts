import { useSyncExternalStore } from 'react'
import { fragmentOf, isOpened } from './task-address.ts'
import type { View } from './view.ts'

export type { View } from './view.ts'

const NAMES = ['inbox', 'today', 'upcoming', 'all', 'completed', 'trash', 'settings'] as const

/** The path below which the server serves the page, without a slash at its end. */
export const BASE = new URL(
  document.querySelector('base')?.href ?? '/',
  location.href,
).pathname.replace(/\/$/, '')

/** @returns the path of a view, to use in a link. */
export function pathOf(view: View): string {
  return view.name === 'tag'
    ? `${BASE}/tags/${encodeURIComponent(view.tag)}`
    : `${BASE}/${view.name}`
}

/** @param path below the base. @returns the whole address, to which the link of a mail leads. */
export function urlOf(path: string): string {
  return new URL(`${BASE}/${path}`, location.origin).href
}

/** @returns the address of a task: that of the view which shows every open one. */
export function linkTo(id: string): string {
  return urlOf(`all${fragmentOf(id)}`)
}

/** @returns the view of a path. Each other path is the inbox, which the server sends for `/`. */
function viewOf(path: string): View {
  const [first = '', second] = path.slice(BASE.length + 1).split('/')
  if (first === 'tags' && second) return { name: 'tag', tag: decodeTag(second) }
  const name = NAMES.find((known) => known === first)
  return { name: name ?? 'inbox' }
}

function decodeTag(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const listeners = new Set<() => void>()
let current = viewOf(location.pathname)

function read(): void {
  current = viewOf(location.pathname)
  for (const listener of listeners) listener()
}

window.addEventListener('popstate', read)

/** Shows a view, and gives it an entry in the history unless it is shown already. */
export function navigate(view: View): void {
  const path = pathOf(view)
  // The entry of an open task gives its place to the view, so that Back does not stop there.
  if (isOpened()) history.replaceState(null, '', path)
  else if (path !== location.pathname) history.pushState(null, '', path)
  read()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useView(): View {
  return useSyncExternalStore(subscribe, () => current)
}
