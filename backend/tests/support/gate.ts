import { setEnvironmentData } from 'node:worker_threads'

export const GATE = 'gate'
export const BEHIND_GATE = 'behind the gate'
/** A statement that takes until the gate is opened. */
export const GATED = `select '${BEHIND_GATE}'`

/** The program of an embedded database with a gate. */
export const GATED_WORKER = new URL('./gated-worker.ts', import.meta.url)

/** A gate in the thread of each embedded database that is opened afterwards with {@link GATED_WORKER}. */
export interface Gate {
  open(): void
  close(): void
}

/** @returns a closed gate. */
export function makeGate(): Gate {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  setEnvironmentData(GATE, gate.buffer as never) // Node clones it, and its types lack it
  return {
    open: () => {
      Atomics.store(gate, 0, 1)
      Atomics.notify(gate, 0)
    },
    close: () => void Atomics.store(gate, 0, 0),
  }
}
