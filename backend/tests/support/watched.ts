/**
 * Loaded before each test file by scripts/test.ts: tells it which process the file has, answers what is
 * open when it asks, and ends the process when it is gone.
 */
import { connect } from 'node:net'
import { isMainThread } from 'node:worker_threads'

const { TEST_RUNNER } = process.env

if (isMainThread && TEST_RUNNER !== undefined) {
  const { whatIsOpen } = await import('./started.ts')
  const runner = connect(TEST_RUNNER)
  // Before the file begins, which may never let go.
  await new Promise<void>((resolve) => {
    runner.on('close', resolve)
    runner.write(`${JSON.stringify({ pid: process.pid, file: process.argv[1] })}\n`, () =>
      resolve(),
    )
  })
  runner.on('data', () => runner.write(`${JSON.stringify(whatIsOpen())}\n`))
  runner.on('error', () => {}) // close comes as well
  runner.on('close', () => process.exit(1))
  runner.unref()
  // Ctrl-C reaches the file as well. The runner asks what is open first, and then ends it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}
