import { randomBytes, randomInt } from 'node:crypto'
import { type Answer, CannotRun, type Client } from './client.ts'
import { member, type Person, parsed } from './people.ts'

/** A task of this run. */
export interface MadeTask {
  readonly id: string
  readonly etag: string
}

/** A person with tasks. */
export interface Owner extends Person {
  /** A text that only this person's titles and descriptions contain. */
  readonly secret: string
  /** The day on which their recurring task is due, and no other one. */
  readonly day: string
  readonly tasks: readonly [MadeTask, MadeTask, MadeTask]
  /** A task that recurs. */
  readonly recurring: MadeTask
  /** The cursor of the page after their newest task. */
  readonly cursor: string
}

export interface Mark {
  /** A text in the titles of all tasks of this run. */
  readonly run: string
  readonly secrets: Readonly<Record<Person['name'], string>>
  /** The day on which the recurring task of each person is due, and no other task. */
  readonly day: string
}

/** The number of newest tasks that are compared before and after the attempts. */
const WINDOW = 10
/** More tasks than a run creates. */
const NEWEST = 100

const random = () => randomBytes(16).toString('base64url')

export function newMark(): Mark {
  const day = `${randomInt(3000, 9000)}-07-${randomInt(10, 32)}`
  return { run: `verify-${random()}`, secrets: { A: random(), B: random() }, day }
}

/**
 * Creates four tasks of each person alternately, so that tasks of the other person follow each cursor.
 *
 * @throws {CannotRun} if the server does not create a task.
 */
export async function makeTasks(
  client: Client,
  people: readonly [Person, Person],
  mark: Mark,
): Promise<[Owner, Owner]> {
  const made = { A: [] as MadeTask[], B: [] as MadeTask[] }
  const recurs = { due_date: mark.day, recurrence: { rule: 'FREQ=WEEKLY', from: 'due' } }
  for (const more of [{}, {}, { completed: true }, recurs]) {
    for (const person of people) {
      const taken = [...made.A, ...made.B].map(({ etag }) => etag)
      made[person.name].push(await makeTask(client, person, mark, more, taken))
    }
  }
  const [a, b] = people
  return [await ownerOf(client, a, mark, made.A), await ownerOf(client, b, mark, made.B)]
}

async function makeTask(
  client: Client,
  { path, token, name }: Person,
  { run, secrets }: Mark,
  more: object,
  taken: readonly string[],
): Promise<MadeTask> {
  const secret = secrets[name]
  const task = { title: `${run} ${secret}`, description: secret, tags: [secret], ...more }
  const sending = { as: token, body: JSON.stringify(task) }
  const answer = await client.send('POST', path, sending)
  const id = member(answer, 'id')
  if (answer.status !== 201 || typeof id !== 'string') throw refused(answer, 'a task is made')
  let { etag } = answer.headers
  // Tasks of one instant may have the same ETag. Another one is needed to identify the task.
  for (let change = 1; etag !== undefined && taken.includes(etag); change += 1) {
    const body = JSON.stringify({ description: `${secret} ${change}` })
    etag = (await client.send('PUT', `${path}/${id}`, { as: token, body })).headers.etag
  }
  if (etag === undefined) throw refused(answer, 'a task has an ETag')
  return { id, etag }
}

async function ownerOf(
  client: Client,
  person: Person,
  { secrets, day }: Mark,
  [first, second, third, recurring]: readonly MadeTask[],
): Promise<Owner> {
  const page = await client.send('GET', `${person.path}?limit=1`, { as: person.token })
  const cursor = /[?&]cursor=([^&>]+)/.exec(String(page.headers.link))?.[1]
  if (!first || !second || !third || !recurring || cursor === undefined)
    throw refused(page, 'a page has a next')
  const tasks = [first, second, third] as const
  return { ...person, secret: secrets[person.name], day, tasks, recurring, cursor }
}

/** @returns the text of the response with the person's newest tasks. @throws {CannotRun} */
export async function newestTasks(client: Client, { path, token }: Person): Promise<string> {
  const { status, text } = await client.send('GET', `${path}?limit=${WINDOW}`, { as: token })
  if (status === 200) return text
  throw new CannotRun(`${path} cannot be read any more by its owner: ${status}`)
}

/**
 * Deletes the tasks of this run by the mark in their titles, whichever user has them.
 *
 * @returns the paths of the remaining tasks.
 */
export async function deleteTasks(client: Client, people: readonly Person[], mark: Mark) {
  const left: string[] = []
  for (const person of people) {
    try {
      left.push(...(await deleteTasksOf(client, person, mark)))
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error
      left.push(`${person.path}: the tasks with ${mark.run} in the title`)
    }
  }
  return left
}

async function deleteTasksOf(client: Client, { path, token }: Person, { run }: Mark) {
  const list = await client.send('GET', `${path}?limit=${NEWEST}`, { as: token })
  const tasks = parsed(list)
  if (!Array.isArray(tasks)) throw new CannotRun('The tasks cannot be listed')
  const left: string[] = []
  for (const { id, title } of tasks) {
    if (!String(title).includes(run) || !/^[\w-]+$/.test(id)) continue
    const { status } = await client.send('DELETE', `${path}/${id}`, { as: token })
    if (status !== 204 && status !== 404) left.push(`${path}/${id}`)
    // Permanently, so that nothing of this run stays in the trash.
    else await client.send('DELETE', `${path}/trash/${id}`, { as: token })
  }
  return left
}

function refused({ status, text }: Answer, what: string): CannotRun {
  return new CannotRun(`Not this API: where ${what} it answers ${status} ${text.slice(0, 200)}`)
}
