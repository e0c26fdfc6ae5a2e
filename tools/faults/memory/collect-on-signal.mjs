// The servers of the faults load this before their program. On SIGUSR2 a process collects the garbage of its main thread,
// and then writes an empty file: collect-garbage.ts waits for it.
import { writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  process.on('SIGUSR2', () => {
    // After a collection of another flavor V8 keeps most of the freed memory.
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    writeFileSync(`${process.env.COLLECTED_FILE}.${process.pid}`, '')
  })
}
