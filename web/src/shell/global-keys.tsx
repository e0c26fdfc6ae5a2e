import { lazy, Suspense, useEffect, useState } from 'react'
import { isTextField } from '../tasks/list-keys.ts'
import { preferences } from './preferences.ts'
import { navigate, type View } from './routes.ts'
import { useWorkspace } from './workspace.ts'

const KeyList = lazy(async () => ({ default: (await import('./key-list.tsx')).KeyList }))
const Palette = lazy(async () => ({ default: (await import('../search/palette.tsx')).Palette }))

/** After `g`, a letter leads to a view. */
const GO: Readonly<Record<string, View>> = {
  i: { name: 'inbox' },
  t: { name: 'today' },
  u: { name: 'upcoming' },
  a: { name: 'all' },
  c: { name: 'completed' },
  s: { name: 'settings' },
}
const GO_MS = 1_500

export const ADD_TASK = 'add-task'
export const SEARCH = 'search'

/** Keys that work wherever the focus is, but in text fields. */
export function GlobalKeys() {
  const { actions, open } = useWorkspace()
  const [shown, setShown] = useState<'keys' | 'palette' | null>(null)

  useEffect(() => {
    let goUntil = 0

    function onKeyDown(event: KeyboardEvent): void {
      if (event.defaultPrevented) return
      const { key, target } = event
      const isText = isTextField(target)
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        if (key === 'k') {
          event.preventDefault()
          setShown('palette')
        }
        // In a text field the key takes back what was typed, unless nothing was.
        const isTyped = isText && !(target instanceof HTMLInputElement && target.value === '')
        if (key === 'z' && !isTyped) {
          event.preventDefault()
          void actions.undo()
        }
        return
      }
      if (isText || event.ctrlKey || event.metaKey || event.altKey) return
      if (document.querySelector('[role=dialog][data-rac], [role=alertdialog], [role=menu]')) return
      if (key === 'Escape' && open.get() !== null) open.set(null)
      if (!preferences.get().singleKeys) return
      if (run(key)) event.preventDefault()
    }

    function run(key: string): boolean {
      const view = GO[key]
      if (Date.now() < goUntil && view !== undefined) {
        goUntil = 0
        navigate(view)
        return true
      }
      if (key === 'g') goUntil = Date.now() + GO_MS
      else if (key === '?') setShown('keys')
      else if (key === 'q') document.getElementById(ADD_TASK)?.focus()
      else if (key === '/') document.getElementById(SEARCH)?.focus()
      else if (key === 'z') void actions.undo()
      else return false
      return true
    }

    // In the phase of capture, so that `g` and then `t` is no key of the row that has the focus.
    function onGo(event: KeyboardEvent): void {
      if (isTextField(event.target) || Date.now() >= goUntil || GO[event.key] === undefined) return
      if (event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      event.stopPropagation()
      run(event.key)
    }

    document.addEventListener('keydown', onGo, true)
    document.addEventListener('keydown', onKeyDown)
    return () => {
      document.removeEventListener('keydown', onGo, true)
      document.removeEventListener('keydown', onKeyDown)
    }
  }, [actions, open])

  return (
    <Suspense fallback={null}>
      {shown === 'keys' && <KeyList onClose={() => setShown(null)} />}
      {shown === 'palette' && <Palette onClose={() => setShown(null)} />}
    </Suspense>
  )
}
