import { useSyncExternalStore } from 'react'
import type { Day } from '../dates/day.ts'
import { dayHere } from './days.ts'

let today = dayHere(new Date())
let zone = readZone()
const listeners = new Set<() => void>()

function look(): void {
  zone = readZone()
  const day = dayHere(new Date())
  if (day === today) return
  today = day
  for (const listener of listeners) listener()
}

setInterval(look, 30_000)
document.addEventListener('visibilitychange', look)

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function readZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** @returns the time zone of this device, which changes when it travels. */
export function zoneHere(): string {
  return zone
}

/** @returns today, which changes at midnight while the page is open. */
export function useToday(): Day {
  return useSyncExternalStore(subscribe, () => today)
}
