import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { contradiction } from '../check/contradiction.ts'
import type { Answer, Outcome, Sending } from './exchange.ts'
import { markOf, type Record, type TaskRecord, type TaskState } from './record.ts'
import type { Session } from './session.ts'

/** Of a hundred requests, in order. */
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

/** A writer of a long run has no more tasks than this. */
const MAX_TASKS = 40
const RETRY_MS = 100

export interface WriterOptions {
  readonly record: Record
  readonly session: Session
  readonly user: string
  /** Once among the writers of a user. */
  readonly name: string
  /** Whether creations and flips have a key, and are sent again until they are answered. */
  readonly keyed: boolean
  /** Whether requests without an answer are to be sent again at all. */
  readonly goesOn: () => boolean
}

/** One client of a user, with tasks of its own. It sends one request at a time. */
export class Writer {
  readonly #options: WriterOptions
  #tasks: TaskRecord[] = []
  #count = 0

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Sends a request of the mix, and notes what came of it. */
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

  /** Every task of this writer must be on it. */
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

  /** A change; with a key where it is one that must not happen twice. */
  async #write(what: 'create' | 'update' | 'flip' | 'delete', task: TaskRecord, sending: Path) {
    const { keyed, goesOn, record } = this.#options
    const key = keyed && ['create', 'flip'].includes(what) ? this.#name() : undefined
    if (what === 'create') task.key = key
    let answer = await this.#send(what, task.user, { ...sending, key })
    while (answer === undefined && key !== undefined && goesOn()) {
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
    if (sending.key !== undefined && isUnderWay(outcome)) return undefined
    const answer = record.note(what, user, outcome, troubled)
    if (answer !== undefined && sending.method === 'GET') record.counts.reads += 1
    if (answer?.headers['idempotency-replayed'] !== undefined) record.counts.replayed += 1
    return answer
  }
}

type Path = Omit<Sending, 'port' | 'token'>

/** The part of a task's JSON that is looked at. */
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

/** The request of the same key that was sent before is not done yet. */
function isUnderWay(outcome: Outcome): boolean {
  return typeof outcome === 'object' && outcome.status === 409
}
