import { type ChangeEvent, useEffect, useRef, useState } from 'react'

const PAUSE_MS = 1_000

/**
 * The text of a field that saves itself: when the person pauses, leaves the field, or closes the page's view of it.
 * Until then, changes from other devices do not replace what is being typed. A text that has been saved is not saved
 * again, so that it never replaces a later text of another device.
 *
 * @param save saves a text, and returns it in the form that it is saved in. `seen` is the text at which the person began.
 * @returns the properties of the field.
 */
export function useDraft(saved: string, save: (text: string, seen: string) => string) {
  const [draft, setDraft] = useState<string | null>(null)
  const isTyped = useRef(false)
  const seen = useRef(saved)
  /** The text before this field saved its own, and that one. */
  const expected = useRef<readonly string[]>([])
  const latest = useRef({ draft, saved, save })
  latest.current = { draft, saved, save }

  function flush(): void {
    const { draft: text, saved: before, save: run } = latest.current
    if (!isTyped.current || text === null) return
    isTyped.current = false
    expected.current = [before, run(text, seen.current)]
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: waits after each change of the draft
  useEffect(() => {
    const timer = setTimeout(flush, PAUSE_MS)
    return () => clearTimeout(timer)
  }, [draft])
  useEffect(() => {
    // Another device has changed the text since this field saved its own.
    if (!isTyped.current && !expected.current.includes(saved)) setDraft(null)
  }, [saved])
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once, when the field goes, with the latest text
  useEffect(() => flush, [])

  return {
    value: draft ?? saved,
    onChange: (event: ChangeEvent<HTMLTextAreaElement>) => {
      if (!isTyped.current) seen.current = saved
      isTyped.current = true
      setDraft(event.target.value)
    },
    onBlur: () => {
      flush()
      setDraft(null)
    },
  }
}
