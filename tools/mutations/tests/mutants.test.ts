import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MUTANTS, WITHOUT_CATALOGUE } from '../mutants.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MIGRATIONS = join(ROOT, 'backend/src/database/migrate/migrations')

describe('the mutants', () => {
  it('have texts that occur once in their files, and tests that exist', () => {
    const catalogue = { wall: 'the catalogue', change: 'is not compared', noticedBy: [] }
    const all = [...MUTANTS, { ...WITHOUT_CATALOGUE, ...catalogue }]
    const stale = all.flatMap(({ wall, change, file, edits, noticedBy }) => {
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

  it('change no function and no trigger that a later migration replaces', () => {
    const migrations = readdirSync(MIGRATIONS).sort()
    const statementsOf = (name: string) =>
      readFileSync(join(MIGRATIONS, name), 'utf8').split('\n-- next\n')
    const created = (statement: string | undefined) =>
      /create (?:or replace )?((?:function|trigger|policy|view) [\w."]+)/.exec(statement ?? '')?.[1]
    const replaced = MUTANTS.flatMap(({ wall, change, file, edits }) => {
      const own = basename(file)
      if (!migrations.includes(own)) return []
      return edits.flatMap(([from]) => {
        const name = created(statementsOf(own).find((statement) => statement.includes(from)))
        const later = migrations.filter(
          (other) => other > own && statementsOf(other).some((one) => created(one) === name),
        )
        return name === undefined ? [] : later.map((other) => `${wall}, ${change}: ${other}`)
      })
    })
    assert.deepEqual(replaced, [])
  })

  it('have names of their own', () => {
    const names = MUTANTS.map(({ wall, change, file }) => `${wall}, ${change}, ${file}`)
    assert.deepEqual([...new Set(names)], names)
  })
})
