import { useSyncExternalStore } from 'react'

/** A value that changes, as those of the client. React calls both functions without their object. */
export interface Observable<Content> {
  readonly get: () => Content
  readonly subscribe: (listener: () => void) => () => void
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
  return useSyncExternalStore(observable.subscribe, observable.get)
}

/** @returns a part of the value: the component renders again only when that part changes. */
export function useDerived<Content, Part extends string | number | boolean | null>(
  observable: Observable<Content>,
  derive: (content: Content) => Part,
): Part {
  return useSyncExternalStore(observable.subscribe, () => derive(observable.get()))
}

/** @returns whether the value is this content: the component renders again only when that changes. */
export function useIs<Content>(observable: Observable<Content>, content: Content): boolean {
  return useDerived(observable, (present) => present === content)
}
