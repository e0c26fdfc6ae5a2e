import { type ChangeEvent, useEffect, useRef, useState } from 'react'

const PAUSE_MS = 1_000

/**
 * The text of a field that saves itself: when the person pauses, leaves the field, or closes the page's view of it.
 * Until then, changes from other devices do not replace what is being typed.
 *
 * @returns the properties of the field.
 */
export function useDraft(saved: string, save: (text: string) => void) {
  const [draft, setDraft] = useState<string | null>(null)
  const latest = useRef({ draft, save })
  latest.current = { draft, save }

  function flush(): void {
    const { draft: text, save: store } = latest.current
    if (text === null) return
    latest.current = { draft: null, save: store }
    store(text)
  }

  useEffect(() => {
    if (draft === null) return
    const timer = setTimeout(flushed, PAUSE_MS)
    return () => clearTimeout(timer)

    function flushed() {
      latest.current.save(draft ?? '')
    }
  }, [draft])
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once, when the field goes, with the latest text
  useEffect(() => flush, [])

  return {
    value: draft ?? saved,
    onChange: (event: ChangeEvent<HTMLTextAreaElement>) => setDraft(event.target.value),
    onBlur: () => {
      flush()
      setDraft(null)
    },
  }
}
