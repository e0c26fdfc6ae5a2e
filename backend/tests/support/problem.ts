import assert from 'node:assert/strict'
import { ERRORS } from '../../src/core/errors.ts'
import type { Answer } from './app.ts'

const LEAKS = /select|insert|todo\.|pglite|node_modules|\/src\/|at .*\.ts|fastify|stack|postgres/i

/** An error in the form of contract §3, which tells nothing of what is underneath. */
export function assertProblem(
  answer: Pick<Answer, 'status' | 'headers' | 'text' | 'json'>,
  code: keyof typeof ERRORS,
  what = '',
): void {
  const { status, title } = ERRORS[code]
  assert.equal(answer.status, status, `${what}: ${answer.text}`)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, what)
  assert.equal(answer.headers['cache-control'], 'no-store', what)
  assert.equal(answer.headers['x-content-type-options'], 'nosniff', what)
  const { detail, request_id, errors, more = 1, ...rest } = answer.json
  assert.deepEqual(rest, { error: code, status, title }, what)
  assert.equal(typeof detail, 'string', what)
  assert.equal(request_id, answer.headers['x-request-id'], what)
  assert.ok(Number.isInteger(more) && more > 0, what)
  assert.equal(errors === undefined, code !== 'validation_error', what)
  assert.doesNotMatch(answer.text, LEAKS, what)
}
