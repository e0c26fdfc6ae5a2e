import { useEffect, useState } from 'react'

const LONGEST_MS = 1_000

/**
 * The content of a control, which changes in the event of the click or key. The task changes a moment later, when
 * this device has stored the change; until then React would set the control back.
 *
 * @param saved the content of the task, which JSON can carry. It counts when it is the wanted one, and after a second.
 */
export function useWanted<Content>(saved: Content): readonly [Content, (content: Content) => void] {
  const [wanted, setWanted] = useState<{ readonly content: Content } | null>(null)
  const isReached = wanted !== null && JSON.stringify(wanted.content) === JSON.stringify(saved)

  useEffect(() => {
    if (wanted === null) return
    if (isReached) {
      setWanted(null)
      return
    }
    const timer = setTimeout(() => setWanted(null), LONGEST_MS)
    return () => clearTimeout(timer)
  }, [wanted, isReached])
  return [wanted === null ? saved : wanted.content, (content) => setWanted({ content })]
}
