import { it } from 'node:test'
import { startProcess } from '../started.ts'

it('waits for ever, with a process', async () => {
  const { pid } = startProcess('sleep', ['1000'], { stdio: 'ignore' })
  console.log(`sleeps: ${pid}`)
  await new Promise((resolve) => setTimeout(resolve, 1_000_000))
})
