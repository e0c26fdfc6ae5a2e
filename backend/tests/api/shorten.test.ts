import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AppError, type Fault } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { problemBody } from '../../src/http/resource/problem.ts'
import { shorten } from '../../src/http/resource/shorten.ts'

const anyText = fc.string({
  unit: fc.constantFrom('a', '\0', '"', 'é', '語', '👩', '\ud800'),
  maxLength: 3_000,
})

describe('the answer of an error', () => {
  it('has texts that are whole, or cut to no more bytes of JSON than they may have', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 8, max: 2_000 }), (text, most) => {
        const bytes = (some: string) => Buffer.byteLength(JSON.stringify(some)) - 2
        const cut = shorten(text, most)
        if (cut !== text) assert.ok(bytes(text) > most && text.startsWith(cut.slice(0, -1)))
        assert.ok(bytes(cut) <= most)
      }),
    )
  })

  it('is never longer than errorBytes, whatever is in it, and counts what is left out', () => {
    fc.assert(
      fc.property(
        fc.array(anyText, { maxLength: 40 }),
        anyText,
        anyText,
        (texts, detail, message) => {
          const errors = texts.map(
            (text): Fault => ({ in: 'body', path: text, message: text.slice(0, 200) }),
          )
          const problem = new AppError('validation_error', {
            detail,
            errors,
            more: 5,
            reason: { code: message, message },
          })
          const body = problemBody(problem, 'r'.repeat(128))
          assert.ok(Buffer.byteLength(body) <= LIMITS.errorBytes)
          const told = JSON.parse(body)
          assert.equal(told.errors.length + told.more, texts.length + 5)
        },
      ),
      { numRuns: 50 },
    )
  })
})
