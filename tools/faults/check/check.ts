import type { SignUpRecord, TaskRecord, TaskState } from '../load/record.ts'
import { type Contradiction, contradiction, type Kind } from './contradiction.ts'

export interface TrueTask extends TaskState {
  readonly userId: string
  readonly title: string
}

/** The contents of the database, read without the server. */
export interface Truth {
  readonly tasks: readonly TrueTask[]
  readonly users: readonly string[]
  /** Each account with the number of its passwords. */
  readonly accounts: readonly { readonly email: string; readonly passwords: number }[]
  /** The idempotency keys. */
  readonly keys: readonly { readonly userId: string; readonly key: string }[]
}

/** The requests and their outcomes. */
export interface Sent {
  readonly tasks: readonly TaskRecord[]
  readonly signUps: readonly SignUpRecord[]
}

/** @returns every contradiction between the acknowledged changes and the database. */
export function check({ tasks: records, signUps }: Sent, truth: Truth): Contradiction[] {
  const found = Map.groupBy(truth.tasks, ({ title }) => title)
  const known = new Set(records.map(({ title }) => title))
  return [
    ...records.flatMap((record) => checkTask(record, found.get(record.title) ?? [])),
    ...truth.tasks
      .filter(({ title }) => !known.has(title))
      .map(({ title }) => ({ kind: 'twice' as const, text: `${title} was never sent` })),
    ...checkUsers(records, truth),
    ...checkKeys(records, truth),
    ...checkAccounts(signUps, truth),
  ]
}

function checkTask(record: TaskRecord, [task, ...more]: readonly TrueTask[]): Contradiction[] {
  const is = (kind: Kind, text: string) => [{ kind, text: `${record.title}: ${text}` }]
  if (more.length > 0) return is('twice', `is there ${more.length + 1} times`)
  const { acknowledged, deletion, user } = record
  if (task === undefined) {
    const mayBeMissing = acknowledged === undefined || deletion !== 'none'
    return mayBeMissing ? [] : is('lost', 'was acknowledged, and is not there')
  }
  if (deletion === 'acknowledged') return is('lost', 'its deletion was acknowledged')
  if (task.userId !== user) return is('half-done', `belongs to ${task.userId}`)
  const wrong = contradiction(record, task)
  return wrong === undefined ? [] : [wrong]
}

/** One statement creates a user with the first task, so neither may exist without the other. */
function checkUsers(records: readonly TaskRecord[], { tasks, users }: Truth): Contradiction[] {
  const withTask = new Set(tasks.map(({ userId }) => userId))
  const deleted = records.filter(({ deletion }) => deletion !== 'none').map(({ user }) => user)
  const mayBeEmpty = new Set(deleted)
  const there = new Set(users)
  return [
    ...users
      .filter((user) => !withTask.has(user) && !mayBeEmpty.has(user))
      .map((user) => ({ kind: 'half-done' as const, text: `${user} is there without a task` })),
    ...[...withTask]
      .filter((user) => !there.has(user))
      .map((user) => ({ kind: 'half-done' as const, text: `${user} has tasks and is not there` })),
  ]
}

/** One statement stores a key and makes its change, so neither may exist without the other. */
function checkKeys(records: readonly TaskRecord[], { tasks, keys }: Truth): Contradiction[] {
  const used = new Set(keys.map(({ userId, key }) => `${userId} ${key}`))
  const there = new Set(tasks.map(({ title }) => title))
  return records
    .filter(({ key, deletion }) => key !== undefined && deletion === 'none')
    .filter(({ user, key, title }) => used.has(`${user} ${key}`) !== there.has(title))
    .map(({ title }) => ({ kind: 'half-done', text: `${title} and its key are not both there` }))
}

/** One transaction creates an account with its password, so neither may exist without the other. */
function checkAccounts(signUps: readonly SignUpRecord[], { accounts }: Truth): Contradiction[] {
  const there = new Set(accounts.map(({ email }) => email))
  return [
    ...signUps
      .filter(({ email, acknowledged }) => acknowledged && !there.has(email))
      .map(({ email }) => ({ kind: 'lost' as const, text: `${email}: its account is not there` })),
    ...accounts
      .filter(({ passwords }) => passwords !== 1)
      .map(({ email, passwords }) => ({
        ...{ kind: 'half-done' as const, text: `${email} has ${passwords} passwords` },
      })),
  ]
}
