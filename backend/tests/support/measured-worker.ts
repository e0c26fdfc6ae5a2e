/** The thread of the embedded database, as worker.ts is, which says what it holds; see held-bytes.ts. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel } from 'node:worker_threads'
import { MEASURE } from './held-bytes.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const channel = new BroadcastChannel(MEASURE)
channel.onmessage = () => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  channel.postMessage(heapUsed + arrayBuffers)
}

await import('../../src/database/pglite/worker.ts')
