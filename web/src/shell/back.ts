import { useEffect, useRef } from 'react'

/** The state of the entry in the history that stands for something that covers the page. */
const COVER = { cover: true } as const

/** @returns whether the entry in the history is that of a cover. */
export function isCover(): boolean {
  return history.state?.cover === true
}

/** Gives what covers the page an entry in the history with the same address, so that Back closes it. */
export function useBackToClose(isOpen: boolean, close: () => void): void {
  const latest = useRef(close)
  useEffect(() => {
    latest.current = close
  })
  useEffect(() => {
    if (!isOpen) return
    history.pushState(COVER, '')
    const onBack = () => latest.current()
    addEventListener('popstate', onBack)
    return () => {
      removeEventListener('popstate', onBack)
      if (isCover()) history.back()
    }
  }, [isOpen])
}
