/**
 * Runs the tests while the machine is busy: two endless loops per core run beside them. A test that waits
 * for a time instead of an event fails here. Ends with 1 if a run fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { argumentsOf, numberOf } from './arguments.ts'

const LOOPS_PER_CORE = 2
const PROGRAM = fileURLToPath(new URL('./test.ts', import.meta.url))

const usage = 'Usage: npm run test:busy [-- --times <N>] [<file or part of its name> …]'
const given = argumentsOf({ usage, texts: ['times'], most: Number.POSITIVE_INFINITY })
const { positionals } = given
const times = numberOf(given, 'times', 5)

const loops: ChildProcess[] = Array.from({ length: LOOPS_PER_CORE * cpus().length }, () =>
  // A loop whose parent was killed ends by itself.
  spawn(process.execPath, ['--eval', 'const { ppid } = process; while (process.ppid === ppid);'], {
    stdio: 'ignore',
  }),
)
process.on('exit', () => {
  for (const loop of loops) loop.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

let green = 0
for (let run = 1; run <= times; run += 1) {
  const child = spawn(process.execPath, [PROGRAM, ...positionals], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code === 0) green += 1
  console.log(`run ${run} of ${times}: ${code === 0 ? 'green' : `failed with ${code}`}`)
}
console.log(`${green} of ${times} runs were green beside ${loops.length} busy loops`)
process.exit(green === times ? 0 : 1)
