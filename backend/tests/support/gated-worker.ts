/** The thread of the embedded database, as worker.ts is, with a gate before some responses; see gate.ts. */
import { getEnvironmentData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { BEHIND_GATE, GATE } from './gate.ts'

const gate = new Int32Array(getEnvironmentData(GATE) as unknown as SharedArrayBuffer) // from gate.ts

/** It computes for a part of the time, as on a slow statement, so that it does not seem to be stuck. */
function workUntilOpen(): void {
  while (Atomics.load(gate, 0) === 0) {
    const endMs = performance.now() + 2
    while (performance.now() < endMs);
    Atomics.wait(gate, 0, 0, 30)
  }
}

const { execProtocolRawStream } = PGlite.prototype
PGlite.prototype.execProtocolRawStream = function (this: PGlite, message, options) {
  const onRawData = (piece: Uint8Array) => {
    if (Buffer.from(piece).includes(BEHIND_GATE)) workUntilOpen()
    options.onRawData(piece)
  }
  return execProtocolRawStream.call(this, message, { ...options, onRawData })
}

await import('../../src/database/pglite/worker.ts')
