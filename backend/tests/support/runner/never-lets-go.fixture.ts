import { writeSync } from 'node:fs'
import { it } from 'node:test'
import { startSleeping } from './sleeping.ts'

it('goes round for ever, with a process', () => {
  const pid = startSleeping('sleep', '1000')
  // Again and again, see never-ends.fixture.ts. Seldom enough that the pipe has space for it.
  for (let nextMs = 0; ; ) {
    if (performance.now() < nextMs) continue
    writeSync(1, `sleeps: ${pid}\n`)
    nextMs = performance.now() + 100
  }
})
