import { it } from 'node:test'
import { startProcess } from '../started.ts'

it('goes round for ever, with a process', async () => {
  const { pid } = startProcess('sleep', ['1000'], { stdio: 'ignore' })
  await new Promise((resolve) => process.stdout.write(`sleeps: ${pid}\n`, resolve))
  for (;;);
})
