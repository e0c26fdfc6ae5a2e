import { writeSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter in no other way
export default firstFailure

/**
 * A reporter that prints the first failed test and ends the process, because one failure shows that the tests
 * noticed the change. Without a failure it prints the number of passed tests.
 */
async function* firstFailure(events: AsyncIterable<TestEvent>) {
  const names: string[] = []
  let passed = 0
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      names.length = data.nesting
      names.push(data.name)
    } else if (type === 'test:pass' && data.details.type !== 'suite') {
      passed += 1
    } else if (type === 'test:fail' && !followsFromAnother(data.details.error)) {
      const { error } = data.details
      const why = failureType(error) === 'hookFailed' ? [rootOf(error).message] : []
      const failed = [...names.slice(0, data.nesting), data.name, ...why].join(': ')
      writeSync(1, `${JSON.stringify({ failed })}\n`)
      process.exit(1)
    }
  }
  yield `${JSON.stringify({ passed })}\n`
}

/** Whether a test was cancelled because its suite failed. The reporter then names the suite. */
function followsFromAnother(error: Error): boolean {
  return ['cancelledByParent', 'subtestsFailed'].includes(failureType(error) ?? '')
}

/** @returns the failure type that node:test adds to an error. Its types do not declare it. */
function failureType(error: Error): string | undefined {
  return 'failureType' in error ? String(error.failureType) : undefined
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}
