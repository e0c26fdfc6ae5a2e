import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { check, type TrueTask, type Truth } from '../check/check.ts'
import { Record, type TaskRecord } from '../load/record.ts'

const user = 'test.1'
const title = '«test.1» one'
const at = (second: number) => `2026-11-25T06:00:0${second}.000Z`

/** A task that was created, changed and toggled, each with a response. */
function acknowledged(changes: Partial<TaskRecord> = {}): TaskRecord {
  const state = { description: 'second', completed: true, updatedAt: at(2) }
  return {
    ...new Record().begin(user, title, false),
    ...{ id: 'an id', acknowledged: state, doubtfulDescriptions: [], ...changes },
  }
}

function there(changes: Partial<TrueTask> = {}): TrueTask {
  const state = { description: 'second', completed: true, updatedAt: at(2) }
  return { userId: user, title, ...state, ...changes }
}

const none = { keys: [], accounts: [] }
const truth = (...tasks: TrueTask[]): Truth => ({ tasks, users: [user], ...none })
const kinds = (record: TaskRecord, found: Truth) =>
  check({ tasks: [record], signUps: [] }, found).map(({ kind }) => kind)

describe('the check of what was acknowledged', () => {
  it('finds nothing where everything is there, once', () => {
    assert.deepEqual(check({ tasks: [acknowledged()], signUps: [] }, truth(there())), [])
  })

  it('notices a lost task, a lost change, a lost flip and a lost deletion', () => {
    const empty = { tasks: [], users: [], ...none }
    assert.deepEqual(kinds(acknowledged(), empty), ['lost'])
    assert.deepEqual(kinds(acknowledged({ deletion: 'doubtful' }), empty), [])
    const before = there({ description: title, updatedAt: at(1) })
    assert.deepEqual(kinds(acknowledged(), truth(before)), ['lost'])
    assert.deepEqual(kinds(acknowledged(), truth(there({ completed: false }))), ['lost'])
    assert.deepEqual(kinds(acknowledged({ deletion: 'acknowledged' }), truth(there())), ['lost'])
  })

  it('notices a task, a flip and a change that happened twice, and one that nobody sent', () => {
    assert.deepEqual(kinds(acknowledged(), truth(there(), there())), ['twice'])
    const flipped = there({ completed: false, updatedAt: at(3) })
    assert.deepEqual(kinds(acknowledged(), truth(flipped)), ['twice'])
    assert.deepEqual(kinds(acknowledged(), truth(there({ updatedAt: at(3) }))), ['twice'])
    const other = there({ title: '«test.1» unknown' })
    assert.deepEqual(kinds(acknowledged(), truth(there(), other)), ['twice'])
  })

  it('notices a half-done write: a user without a task, one without the other, a text of neither', () => {
    const unanswered = acknowledged({ acknowledged: undefined, doubtfulDescriptions: [title] })
    assert.deepEqual(kinds(unanswered, { tasks: [], users: [user], ...none }), ['half-done'])
    assert.deepEqual(kinds(acknowledged(), { tasks: [there()], users: [], ...none }), ['half-done'])
    const torn = there({ description: 'of nobody', updatedAt: at(3) })
    assert.deepEqual(kinds(acknowledged(), truth(torn)), ['half-done'])
    const moved = { tasks: [there({ userId: 'test.2' })], users: [user, 'test.2'], ...none }
    assert.deepEqual(kinds(acknowledged(), moved), ['half-done', 'half-done'])
  })

  it('notices a key without its task, and a task without its key', () => {
    const record = acknowledged({ keyed: true, key: 'k' })
    const keys = [{ userId: user, key: 'k' }]
    assert.deepEqual(kinds(record, { ...truth(there()), keys }), [])
    assert.deepEqual(kinds(record, truth(there())), ['half-done'])
    const unanswered = acknowledged({ key: 'k', acknowledged: undefined })
    assert.deepEqual(kinds(unanswered, { tasks: [], users: [], ...none, keys }), ['half-done'])
  })

  it('notices a lost account, and one without its password', () => {
    const email = 'test.1@example.com'
    const signUps = [{ email, acknowledged: true }]
    const accounts = (passwords: number) => ({
      ...truth(),
      users: [],
      accounts: [{ email, passwords }],
    })
    const found = (state: Truth) => check({ tasks: [], signUps }, state).map(({ kind }) => kind)
    assert.deepEqual(found(accounts(1)), [])
    assert.deepEqual(found(accounts(0)), ['half-done'])
    assert.deepEqual(found({ ...truth(), users: [] }), ['lost'])
  })

  it('takes what was not answered as done or not, also behind a later change', () => {
    const unanswered = acknowledged({ acknowledged: undefined, doubtfulDescriptions: [title] })
    assert.deepEqual(kinds(unanswered, { tasks: [], users: [], ...none }), [])
    const created = there({ description: title, completed: false, updatedAt: at(1) })
    assert.deepEqual(kinds(unanswered, truth(created)), [])
    const doubtful = acknowledged({ doubtfulDescriptions: ['third'] })
    assert.deepEqual(kinds(doubtful, truth(there())), [])
    const late = there({ description: 'third', updatedAt: at(3) })
    assert.deepEqual(kinds(doubtful, truth(late)), [])
    const flipped = there({ completed: false, updatedAt: at(3) })
    assert.deepEqual(kinds(acknowledged({ doubtfulFlips: 1 }), truth(flipped)), [])
    assert.deepEqual(kinds(doubtful, truth(flipped)), ['twice'])
  })
})

describe('the record of what was answered', () => {
  const answer = (status: number, text = '', headers = {}) => ({ status, text, headers })

  it('knows no fault that allows a 500, a hanging request or a 503 without Retry-After', () => {
    const record = new Record()
    record.troubled = true
    record.note('create', user, answer(500), true)
    record.note('create', user, 'silence', true)
    record.note('create', user, answer(503), true)
    assert.equal(record.violations.length, 3)
    record.note('create', user, answer(503, '', { 'retry-after': '1' }), true)
    assert.equal(record.violations.length, 3)
  })

  it('allows a 503 while a fault lasts alone, and a cut connection where the fault takes it', () => {
    const record = new Record()
    record.note('create', user, answer(503, '', { 'retry-after': '1' }), false)
    record.note('create', user, 'cut', true)
    assert.equal(record.violations.length, 2)
    record.cutsExpected = true
    record.note('create', user, 'cut', true)
    assert.equal(record.violations.length, 2)
  })

  it('counts every answer with another user’s mark in it', () => {
    const record = new Record()
    record.note('list', user, answer(200, '[«test.1» one, «test.2» two]'), false)
    record.note('list', user, answer(200, '[«test.1» one]'), false)
    assert.equal(record.foreign, 1)
  })
})
