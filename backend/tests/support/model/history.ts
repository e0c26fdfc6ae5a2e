import type { Answer } from '../app.ts'
import { judge, type Verdict } from './judge.ts'
import type { Plan, Step } from './plans.ts'
import type { Person, TaskRequest } from './request.ts'
import { requestOf } from './requests.ts'
import {
  EMPTY,
  outcomeOf,
  placeOfKey,
  STATUSES,
  type Task,
  tasksOf,
  type World,
} from './task-model.ts'

interface Answered {
  readonly request: TaskRequest
  readonly answer: Answer
}

interface Exchange extends Answered {
  /** Another request under the same key was under way. */
  readonly rivals: boolean
}

type Send = (request: TaskRequest) => Promise<Answer>

/** One run of some steps: sends them, compares each answer with the model, and can be printed. */
export class History {
  world: World = EMPTY
  readonly #people: readonly Person[]
  readonly #send: Send
  /** The first answer of each kind of problem. */
  readonly #problems = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #versions = new Map<string, string[]>()
  readonly #deleted: Task[] = []
  readonly #cursors = new Map<string, string[]>()
  readonly #keyed: TaskRequest[] = []
  readonly #lines: string[] = []

  constructor(people: readonly Person[], send: Send) {
    this.#people = people
    this.#send = send
  }

  /** The steps up to now, a line for each request. */
  toString(): string {
    return this.#lines.join('\n')
  }

  /** @throws {Error} an answer is not the model's. */
  async take({ plans, copies }: Step): Promise<void> {
    const requests: TaskRequest[] = []
    for (const plan of plans) {
      const request = this.#request(plan)
      for (let copy = 0; copy < copies; copy += 1) {
        requests.push({ ...request, connection: request.connection + copy })
      }
    }
    await this.#exchange(requests)
  }

  /** Everybody lists all they have: what changed without being told in an answer shows here. */
  async readAll(): Promise<void> {
    for (const owner of this.#people) {
      await this.#exchange([
        {
          ...{ method: 'GET', place: 'list', owner, bearer: owner, spelling: 'canonical' },
          ...{ segment: '', query: [], body: { kind: 'none' }, connection: 0 },
          line: `${owner.name} GET /tasks`,
        },
      ])
    }
  }

  #request(plan: Plan): TaskRequest {
    const seen = {
      ...{ people: this.#people, names: this.#names, versions: this.#versions },
      ...{ deleted: this.#deleted, cursors: this.#cursors },
      keyed: this.#keyed,
    }
    const [request, world] = requestOf(plan, this.world, seen)
    this.world = world
    if (request.idempotencyKey !== undefined) this.#keyed.push(request)
    return request
  }

  async #exchange(requests: readonly TaskRequest[]): Promise<void> {
    const answered = await Promise.all(
      requests.map(async (request) => ({ request, answer: await this.#send(request) })),
    )
    const exchanges = answered.map((one) => ({
      ...one,
      rivals: answered.some((other) => other !== one && mayBeInProgress(one, other)),
    }))
    const before = this.world
    const after = explain(before, exchanges)
    this.#note(exchanges, after ?? before)
    for (const { request, answer } of exchanges) {
      const leak = this.#leak(request, answer)
      if (leak !== undefined) throw this.#failure(`${request.line}: the answer has ${leak}`)
    }
    if (after === undefined) throw this.#failure(whyNot(before, exchanges))
    for (const { request, answer } of exchanges) {
      const difference = this.#difference(request, answer)
      if (difference !== undefined) throw this.#failure(`${request.line}: ${difference}`)
    }
    this.#learn(before, after, exchanges)
  }

  #failure(reason: string): Error {
    return new Error(`${this}\n  → ${reason}`)
  }

  #note(exchanges: readonly Exchange[], after: World): void {
    for (const [at, { request, answer }] of exchanges.entries()) {
      const made =
        answer.status === 201
          ? tasksOf(after, request.owner).find(({ id }) => answer.text.includes(id))
          : undefined
      if (made !== undefined && !this.#names.has(made.id)) {
        this.#names.set(made.id, `#${this.#names.size + 1}`)
      }
      const name = made === undefined ? '' : ` ${this.#names.get(made.id)}`
      const together =
        exchanges.length === 1 ? ' ' : at === 0 ? '┌' : at < exchanges.length - 1 ? '│' : '└'
      this.#lines.push(`${together} ${request.line} → ${answer.status}${name}`)
    }
  }

  /** What a later step may refer to. */
  #learn(before: World, after: World, exchanges: readonly Exchange[]): void {
    for (const person of this.#people) {
      const [had, has] = [tasksOf(before, person), tasksOf(after, person)]
      const newest = had.at(-1)?.id ?? ''
      for (const task of has) {
        const versions = this.#versions.get(task.id) ?? []
        if (versions.length === 0 && task.id < newest) {
          throw this.#failure(`${task.id} is newer than ${newest}, and sorts before it`)
        }
        if (versions.at(-1) !== task.updated_at) versions.push(task.updated_at)
        this.#versions.set(task.id, versions)
      }
      const gone = had.filter((task) => !has.some(({ id }) => id === task.id))
      this.#deleted.push(...gone)
    }
    for (const { request, answer } of exchanges) {
      const cursor = /cursor=([\w-]+)/.exec(String(answer.headers.link ?? ''))?.[1]
      if (cursor === undefined) continue
      const { id } = request.owner
      this.#cursors.set(id, [...(this.#cursors.get(id) ?? []), cursor])
    }
    this.world = after
  }

  /** A byte of somebody else's in an answer, whoever of this or an earlier history it is. */
  #leak({ bearer }: TaskRequest, { text, headers }: Answer): string | undefined {
    const own = typeof bearer === 'string' ? '' : bearer.mark
    const marks = `${text} ${JSON.stringify(headers)}`.match(MARK) ?? []
    const foreign = marks.find((mark) => mark !== own)
    return foreign && `${foreign}, which is not the asker's`
  }

  /**
   * Whoever asks for another's task is answered as for one that is not there, in every byte: all
   * problems of a kind are alike but for those that name what is wrong with the request itself.
   */
  #difference(request: TaskRequest, { status, text, headers }: Answer): string | undefined {
    if (status < 400 || [400, 409, 422].includes(status)) return undefined
    const { allow, 'www-authenticate': challenge, date: _date, ...rest } = headers
    const kind = [status, request.method === 'HEAD', request.spelling, allow, challenge].join()
    const bytes = JSON.stringify([text, rest])
    const first = this.#problems.get(kind) ?? bytes
    this.#problems.set(kind, first)
    return first === bytes ? undefined : `answered ${bytes}, and another time ${first}`
  }
}

const MARK = /<secret [^>]*>/g

/** Stands in every text of this user, and is looked for in every answer to others. */
export const markOf = (run: number, person: number): string => `<secret ${run}.${person}>`

/**
 * The world after requests that were under way at once: each of them happened at one moment, in some
 * order, in which every answer is the model's. Undefined where there is no such order.
 */
function explain(world: World, exchanges: readonly Exchange[]): World | undefined {
  if (exchanges.length === 0) return world
  for (const [at, { request, answer, rivals }] of exchanges.entries()) {
    const verdict: Verdict = judge(world, request, answer, rivals)
    if ('fault' in verdict) continue
    const after = explain(verdict.world, exchanges.toSpliced(at, 1))
    if (after !== undefined) return after
  }
  return undefined
}

/** Whether the other has the same key, and was not refused for being in progress itself. */
function mayBeInProgress(one: Answered, other: Answered): boolean {
  const place = placeOfKey(one.request)
  const conflicts = other.answer.status === STATUSES.conflict
  return place !== undefined && place === placeOfKey(other.request) && !conflicts
}

function whyNot(world: World, exchanges: readonly Exchange[]): string {
  const faults = exchanges.flatMap(({ request, answer, rivals }) => {
    const verdict = judge(world, request, answer, rivals)
    return 'fault' in verdict ? [verdict.fault] : []
  })
  if (exchanges.length === 1) return faults.join()
  const told = exchanges.map(({ request, answer }) => {
    const { kind } = outcomeOf(world, request)
    return `\n    ${request.line}: ${kind} if it came first; ${answer.status} ${answer.text.slice(0, 300)}`
  })
  return `these came at once, and there is no order in which the model gives these answers:${told.join('')}`
}
