import { useSyncExternalStore } from 'react'

/** A value that changes, as those of the client. */
export interface Observable<Content> {
  get(): Content
  subscribe(listener: () => void): () => void
}

/** An observable whose value this page sets. */
export interface Value<Content> extends Observable<Content> {
  set(content: Content): void
}

export function value<Content>(initial: Content): Value<Content> {
  let content = initial
  const listeners = new Set<() => void>()
  return {
    get: () => content,
    set(next) {
      if (Object.is(next, content)) return
      content = next
      for (const listener of [...listeners]) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function useObservable<Content>(observable: Observable<Content>): Content {
  return useSyncExternalStore(
    (listener) => observable.subscribe(listener),
    () => observable.get(),
  )
}

/** @returns whether the value is this content: the component renders again only when that changes. */
export function useIs<Content>(observable: Observable<Content>, content: Content): boolean {
  return useSyncExternalStore(
    (listener) => observable.subscribe(listener),
    () => observable.get() === content,
  )
}
