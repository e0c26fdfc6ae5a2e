import { it } from 'node:test'
import { startSleeping } from './sleeping.ts'

it('waits for ever, with a process', async () => {
  const pid = startSleeping('sleep', '1000')
  // Node's runner holds text back that arrives in one piece with an event before it, until more arrives.
  setInterval(() => console.log(`sleeps: ${pid}`), 100)
  await new Promise((resolve) => setTimeout(resolve, 1_000_000))
})
