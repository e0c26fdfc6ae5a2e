/** The thread of the embedded database, as worker.ts is, which says what it holds; see held-bytes.ts. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel } from 'node:worker_threads'
import { MEASURE } from './held-bytes.ts'

const SMALL_BYTES = 100_000

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const channel = new BroadcastChannel(MEASURE)
channel.onmessage = async () => {
  // Buffers are freed in the background after a collection, so collect until nothing more is freed.
  let held = Number.POSITIVE_INFINITY
  for (let now = collected(); now < held - SMALL_BYTES; now = collected()) {
    held = now
    for (let turn = 0; turn < 10; turn += 1) await nextTurn()
  }
  channel.postMessage(Math.min(held, collected()))
}

function collected(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

await import('../../src/database/pglite/worker.ts')
