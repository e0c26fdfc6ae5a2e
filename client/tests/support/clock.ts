import { EventEmitter, once } from 'node:events'
import type { Sleep } from '../../src/transport/http.ts'

/** Time that passes when a test says so. */
export interface ManualClock {
  readonly sleep: Sleep
  /** Waits until something sleeps this long, or up to `mostMs`, and ends that sleep. */
  pass(ms: number, mostMs?: number): Promise<void>
  /** The sleeps that have not ended, in milliseconds. */
  sleeping(): number[]
}

export function manualClock(): ManualClock {
  const sleepers = new Map<() => void, number>()
  const began = new EventEmitter().setMaxListeners(0)
  return {
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const end = () => {
          sleepers.delete(end)
          resolve()
        }
        const stop = () => {
          sleepers.delete(end)
          reject(signal.reason)
        }
        if (signal.aborted) return stop()
        signal.addEventListener('abort', stop, { once: true })
        sleepers.set(end, ms)
        began.emit('sleep')
      }),
    async pass(ms, mostMs = ms * 1.5) {
      for (;;) {
        for (const [end, length] of sleepers) {
          if (length >= ms && length <= mostMs) return end()
        }
        await once(began, 'sleep')
      }
    },
    sleeping: () => [...sleepers.values()],
  }
}
