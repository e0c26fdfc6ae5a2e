import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from '../mutants.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('the mutants', () => {
  it('have texts that occur once in their files, and tests that exist', () => {
    const stale = MUTANTS.flatMap(({ wall, change, file, edits, noticedBy }) => {
      let text = readFileSync(join(ROOT, file), 'utf8')
      return [
        ...edits.flatMap(([from, to]) => {
          const parts = text.split(from)
          text = parts.join(to)
          return parts.length === 2 ? [] : `${wall}, ${change}: ${parts.length - 1} times ${from}`
        }),
        ...noticedBy.flatMap(([test]) =>
          existsSync(join(ROOT, test)) ? [] : `${wall}, ${change}: no ${test}`,
        ),
      ]
    })
    assert.deepEqual(stale, [])
  })

  it('have names of their own', () => {
    const names = MUTANTS.map(({ wall, change, file }) => `${wall}, ${change}, ${file}`)
    assert.deepEqual([...new Set(names)], names)
  })
})
