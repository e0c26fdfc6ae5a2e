import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { contradiction } from '../check/contradiction.ts'
import type { Answer, Outcome, Sending } from './exchange.ts'
import { markOf, type Record, type TaskRecord, type TaskState } from './record.ts'
import type { Session } from './session.ts'

/** The kinds of requests, repeated in this order. */
const MIX = [
  ...Array<Step>(24).fill('create'),
  ...Array<Step>(26).fill('update'),
  ...Array<Step>(22).fill('flip'),
  ...Array<Step>(12).fill('delete'),
  ...Array<Step>(10).fill('read'),
  ...Array<Step>(3).fill('list'),
  ...Array<Step>(3).fill('newcomer'),
]
type Step = 'create' | 'update' | 'flip' | 'delete' | 'read' | 'list' | 'newcomer'

/** The largest number of tasks of a writer in a long run. */
const MAX_TASKS = 40
const RETRY_MS = 100

export interface WriterOptions {
  readonly record: Record
  readonly session: Session
  readonly user: string
  /** Unique among the writers of a user. */
  readonly name: string
  /** Whether creations and toggles have a key and are repeated until there is a response. */
  readonly keyed: boolean
  /** Whether to repeat requests without a response. */
  readonly retries: () => boolean
}

/** One client of a user, with its own tasks. It sends one request at a time. */
export class Writer {
  readonly #options: WriterOptions
  #tasks: TaskRecord[] = []
  #count = 0

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Sends a request of the mix, and records the outcome. */
  async step(): Promise<void> {
    const step = MIX[randomInt(MIX.length)]
    const task = this.#tasks[randomInt(Math.max(1, this.#tasks.length))]
    if (step === 'newcomer') return this.#create(`${this.#options.user}-${this.#name()}`)
    if (step === 'list') return this.#list()
    if (task === undefined || (step === 'create' && this.#tasks.length < MAX_TASKS)) {
      return this.#create(this.#options.user)
    }
    if (step === 'update') return this.#update(task)
    if (step === 'flip') return this.#flip(task)
    return step === 'read' ? this.#read(task) : this.#delete(task)
  }

  #name(): string {
    this.#count += 1
    return `${this.#options.name}-${this.#count}`
  }

  async #create(user: string): Promise<void> {
    const title = `${markOf(user)} ${this.#name()}`
    const task = this.#options.record.begin(user, title, this.#options.keyed)
    const sending = { method: 'POST', path: '', body: { title, description: title } }
    const answer = await this.#write('create', task, sending)
    if (answer === undefined) return
    task.id = idOf(answer)
    this.#acknowledge(task, answer, title)
    if (user === this.#options.user) this.#tasks.push(task)
  }

  async #update(task: TaskRecord): Promise<void> {
    const description = `${markOf(task.user)} ${this.#name()}`
    task.doubtfulDescriptions.push(description)
    const sending = { method: 'PUT', path: `/${task.id}`, body: { description } }
    const answer = await this.#write('update', task, sending)
    if (answer !== undefined) this.#acknowledge(task, answer, description)
  }

  async #flip(task: TaskRecord): Promise<void> {
    const before = task.acknowledged?.completed
    const certain = task.doubtfulFlips === 0
    const sending = { method: 'PATCH', path: `/${task.id}/complete` }
    const answer = await this.#write('flip', task, sending)
    if (answer === undefined) {
      task.doubtfulFlips += 1
      return
    }
    this.#acknowledge(task, answer)
    if (certain && task.acknowledged?.completed === before) {
      this.#options.record.violate(`${task.title}: a flip left it as it was`)
    }
  }

  async #delete(task: TaskRecord): Promise<void> {
    this.#tasks = this.#tasks.filter((other) => other !== task)
    task.deletion = 'doubtful'
    const answer = await this.#write('delete', task, { method: 'DELETE', path: `/${task.id}` })
    if (answer !== undefined) task.deletion = 'acknowledged'
  }

  async #read(task: TaskRecord): Promise<void> {
    const sending = { method: 'GET', path: `/${task.id}` }
    const answer = await this.#send('read', task.user, sending)
    if (answer !== undefined) this.#compare(task, stateOf(JSON.parse(answer.text)))
  }

  /** Lists the tasks. The list must contain every task of this writer. */
  async #list(): Promise<void> {
    const { user, record } = this.#options
    const answer = await this.#send('list', user, { method: 'GET', path: '' })
    if (answer === undefined) return
    const listed = new Map<string, Wire>()
    for (const task of JSON.parse(answer.text)) listed.set(task.title, task)
    for (const task of this.#tasks) {
      const found = listed.get(task.title)
      if (found === undefined) record.violate(`${task.title} is not on the list`)
      else this.#compare(task, stateOf(found))
    }
  }

  #acknowledge(task: TaskRecord, answer: Answer, description?: string): void {
    const wire: Wire = JSON.parse(answer.text)
    if (wire.title !== task.title || (description ?? wire.description) !== wire.description) {
      this.#options.record.violate(`${task.title}: the answer is ${answer.text}`)
    }
    const at = task.doubtfulDescriptions.indexOf(description ?? '')
    if (at >= 0) task.doubtfulDescriptions.splice(at, 1)
    const before = task.acknowledged?.updatedAt
    if (before !== undefined && wire.updated_at <= before) {
      this.#options.record.violate(`${task.title}: updated_at fell from ${before} behind`)
    }
    task.acknowledged = stateOf(wire)
  }

  #compare(task: TaskRecord, state: TaskState): void {
    const wrong = contradiction(task, state)
    if (wrong !== undefined) this.#options.record.violate(`read: ${wrong.text}`)
  }

  /** Sends a change, with a key if it must not happen twice. */
  async #write(what: 'create' | 'update' | 'flip' | 'delete', task: TaskRecord, sending: Path) {
    const { keyed, retries, record } = this.#options
    const key = keyed && ['create', 'flip'].includes(what) ? this.#name() : undefined
    if (what === 'create') task.key = key
    let answer = await this.#send(what, task.user, { ...sending, key })
    while (answer === undefined && key !== undefined && retries()) {
      await sleep(RETRY_MS)
      answer = await this.#send(what, task.user, { ...sending, key })
    }
    if (answer !== undefined) record.counts.acknowledgedWrites += 1
    return answer
  }

  async #send(what: string, user: string, sending: Path): Promise<Answer | undefined> {
    const { record, session } = this.#options
    const { troubled } = record
    const path = `/api/${user}/tasks${sending.path}`
    const outcome = await session.send(user, { ...sending, path })
    if (sending.key !== undefined && isInProgress(outcome)) return undefined
    const answer = record.note(what, user, outcome, troubled)
    if (answer !== undefined && sending.method === 'GET') record.counts.reads += 1
    if (answer?.headers['idempotency-replayed'] !== undefined) record.counts.replayed += 1
    return answer
  }
}

type Path = Omit<Sending, 'port' | 'token'>

/** The checked part of a task's JSON. */
interface Wire {
  readonly id: string
  readonly title: string
  readonly description: string | null
  readonly completed: boolean
  readonly updated_at: string
}

function stateOf({ description, completed, updated_at: updatedAt }: Wire): TaskState {
  return { description, completed, updatedAt }
}

function idOf({ text }: Answer): string {
  const { id }: Wire = JSON.parse(text)
  return id
}

/** Whether an earlier request with the same key is still in progress. */
function isInProgress(outcome: Outcome): boolean {
  return typeof outcome === 'object' && outcome.status === 409
}
