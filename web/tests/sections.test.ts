import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findTasks } from '../src/search/find-tasks.ts'
import type { LocalTask } from '../src/sync/types.ts'
import { countsOf, sectionsOf } from '../src/tasks/sections.ts'

const TODAY = '2026-11-28'
const BLANK: LocalTask = {
  ...{ id: '', user_id: 'ann', title: '', description: null, completed: false, completed_at: null },
  ...{ priority: 'none', tags: [], due_date: null, due_time: null, due_zone: null, due_at: null },
  ...{ recurrence: null, series_id: null, parent_id: null, position: 'm', saved: 'saved' },
  ...{ created_at: '2026-11-01T08:00:00Z', updated_at: '2026-11-01T08:00:00Z' },
}

/** @returns tasks whose titles are their ids, in the order in which they are given. */
function tasksOf(parts: Readonly<Record<string, Partial<LocalTask>>>): Map<string, LocalTask> {
  return new Map(
    Object.entries(parts).map(([id, part], n) => [
      id,
      { ...BLANK, id, title: id, position: String.fromCharCode(97 + n), ...part },
    ]),
  )
}

const TASKS = tasksOf({
  later: { due_date: '2026-12-24' },
  open: {},
  overdue: { due_date: '2026-11-20', tags: ['Work'] },
  now: { due_date: TODAY },
  done: { completed: true, completed_at: '2026-11-28T09:00:00Z' },
  item: { parent_id: 'open' },
  orphan: { parent_id: 'done' },
  next: { due_date: '2026-11-29', tags: ['work'] },
})

const VIEWS = {
  inbox: ['open', 'orphan'],
  today: ['overdue', 'now'],
  upcoming: ['next', 'later'],
  all: ['later', 'open', 'overdue', 'now', 'item', 'orphan', 'next'],
  completed: ['done'],
} as const

describe('the tasks of a view', () => {
  for (const [name, expected] of Object.entries(VIEWS)) {
    it(`${name}: ${expected.join(', ')}`, () => {
      const view = { name: name as keyof typeof VIEWS }
      const sections = sectionsOf(view, TASKS, new Map(), TODAY)
      assert.deepEqual(
        sections.flatMap(({ tasks }) => tasks.map(({ id }) => id)),
        expected,
      )
    })
  }

  it('a tag, without regard to case', () => {
    const [section] = sectionsOf({ name: 'tag', tag: 'WORK' }, TASKS, new Map(), TODAY)
    assert.deepEqual(
      section?.tasks.map(({ id }) => id),
      ['overdue', 'next'],
    )
  })

  it('today begins with what is overdue', () => {
    const headings = sectionsOf({ name: 'today' }, TASKS, new Map(), TODAY).map(({ key }) => key)
    assert.deepEqual(headings, ['overdue', 'today'])
  })

  it('a task stays for a moment after its completion', () => {
    const done = new Map([['done', false]])
    const [section] = sectionsOf({ name: 'inbox' }, TASKS, done, TODAY)
    assert.ok(section?.tasks.some(({ id }) => id === 'done'))
  })

  it('counts what is in a view, and each tag once', () => {
    const { inbox, today, overdue, tags } = countsOf(TASKS, TODAY)
    assert.deepEqual([inbox, today, overdue, tags], [1, 2, 1, [{ tag: 'Work', open: 2 }]])
  })
})

describe('search', () => {
  const tasks = tasksOf({
    'Crème brûlée': {},
    'Buy eggs': { description: 'for the crème', tags: ['kitchen'] },
    milk: { completed: true },
  })
  const found = (query: string) => findTasks(tasks, query).map(({ title }) => title)

  it('has every word, without case and accents, those in titles first', () => {
    assert.deepEqual(found('CREME'), ['Crème brûlée', 'Buy eggs'])
    assert.deepEqual(found('creme eggs'), ['Buy eggs'])
    assert.deepEqual(found('milk'), ['milk'])
  })

  it('has tags, and nothing for a query without words', () => {
    assert.deepEqual(found('#kitchen'), ['Buy eggs'])
    assert.deepEqual(found('  '), [])
    assert.deepEqual(found('bread'), [])
  })
})
