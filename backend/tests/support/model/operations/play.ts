import type { Answer } from '../../app.ts'
import { operationOf, type Surroundings } from './asked.ts'
import type { Choice, OperationsStep } from './choices.ts'
import { isCrowded, isFirstCrowded, misplaced, type Picture, settle } from './compare.ts'
import { Reader } from './reader.ts'
import { type Asked, alone, batchDiffers, batchOutcome, differs, nextIn } from './requests.ts'
import { outcomeOf } from './rules.ts'
import { EMPTY_STATE, type Item, itemsOf, type Operation, type State } from './state.ts'

export interface Person {
  readonly id: string
  readonly mark: string
}

/** The world outside of a history. */
export interface Server {
  send(user: Person, asked: Asked): Promise<Answer>
  /** All rows of users, as the database has them, by user. */
  digests(users: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** The number of the last change of a user. */
  head(user: string): Promise<bigint>
  numberOf(token: string): bigint
}

interface Keyed {
  readonly user: number
  readonly asked: Asked
  readonly answer: Answer
  /** The ids of the tasks in it. */
  readonly ids: readonly string[]
}

interface Sent {
  readonly user: number
  readonly operation: Operation
  readonly answer: Answer
}

const MARK = /<secret [^>]*>/g

/** One run of some steps: after each of them the tasks of everybody are compared with the model. */
export class OperationsHistory {
  readonly #people: readonly Person[]
  readonly #server: Server
  readonly #states: State[]
  readonly #readers: Reader[]
  readonly #keyed: Keyed[] = []
  readonly #lines: string[] = []
  #digests: ReadonlyMap<string, string> = new Map()
  #moments = 0

  constructor(people: readonly Person[], server: Server) {
    this.#people = people
    this.#server = server
    this.#states = people.map(() => EMPTY_STATE)
    this.#readers = people.map(() => new Reader())
  }

  /** @throws {Error} a response, a picture or a reader is not as the model. */
  async take(step: OperationsStep): Promise<void> {
    switch (step.kind) {
      case 'one':
        return this.#one(step.choice, step.isKeyed)
      case 'batch':
        return this.#batch(step)
      case 'together':
        return this.#together(step)
      case 'read':
        return this.#read(step)
      case 'again':
        return this.#again(step.which)
      case 'checkpoint':
        return this.checkpoint()
    }
  }

  /** Everybody reads the feed to its end, and then has the list. */
  async checkpoint(): Promise<void> {
    for (const [user, reader] of this.#readers.entries()) {
      for (let more = true; more; ) {
        const answer = await this.#send(user, { method: 'GET', path: `/changes${reader.query(3)}` })
        this.#check(user, 'reads', reader.apply(answer, 3), answer)
        more = answer.json.more
      }
      const { list } = await this.#picture(user)
      this.#check(user, 'has read to the end', reader.differs(list))
    }
  }

  async #one(choice: Choice, isKeyed: boolean): Promise<void> {
    const { user } = choice
    const operation = this.#operation(choice)
    const takesKey =
      operation.op === 'create' ||
      (operation.op === 'complete' && operation.completed === undefined)
    const asked = this.#withKey(alone(operation), isKeyed && takesKey)
    const before = this.#state(user)
    const times = [Date.now()]
    const answer = await this.#send(user, asked)
    times.push(Date.now())
    this.#note(user, operation, answer)
    const outcomes = times.map((now) =>
      outcomeOf(before, operation, this.#circumstances(answer, now)),
    )
    const [outcome = outcomes[0]] = outcomes
    if (outcome === undefined) return
    this.#check(user, operation.op, differs(outcome, answer, { isAlone: true }), answer)
    const mayMakeRoom = makesRoom(operation) && isCrowded(before)
    await this.#settle([user], (picture) =>
      firstThatFits(outcomes, ({ state }) =>
        settle(state, this.#person(user).id, picture, mayMakeRoom),
      ),
    )
    if ([200, 201].includes(answer.status)) this.#shows(user, answer)
    if (operation.op === 'move' && answer.status === 200) {
      this.#check(user, 'move', misplaced(before, this.#state(user), operation))
    }
    if (
      operation.op === 'create' &&
      operation.task.position === undefined &&
      answer.status === 201
    ) {
      const place = { id: answer.json.id, to: 'top' }
      this.#check(user, 'create', misplaced(before, this.#state(user), place))
    }
    const isStored = answer.status === 201 || (answer.status === 200 && operation.op === 'complete')
    if (asked.headers?.['idempotency-key'] && isStored) {
      this.#keyed.push({ user, asked, answer, ids: [answer.json.id] })
    }
  }

  async #batch(step: OperationsStep & { kind: 'batch' }): Promise<void> {
    const { user, isDry } = step
    const before = this.#state(user)
    const operations = step.choices
      .map((choice) => this.#operation({ ...choice, user }))
      .filter(({ op }) => op !== 'purge' && op !== 'empty')
      .filter((operation) => isCalm(before, operation))
    if (operations.length === 0) return
    const path = `/batch${isDry === 'yes' ? '?dry_run=true' : ''}`
    const asked = this.#withKey({ method: 'POST', path, body: { operations } }, step.isKeyed)
    const now = Date.now()
    const answer = await this.#send(user, asked)
    this.#note(user, operations, answer)
    const results = answer.status === 200 ? answer.json.results : []
    const moment = this.#moment()
    const outcomes = [now, Date.now()].map((at) =>
      batchOutcome(before, operations, at, moment, results),
    )
    const [outcome] = outcomes
    if (outcome === undefined) return
    this.#check(user, 'batch', batchDiffers(outcome, operations, answer), answer)
    const states = isDry === 'yes' ? [before] : outcomes.map(({ state }) => state)
    const mayMakeRoom = operations.some(makesRoom)
    await this.#settle([user], (picture) =>
      firstThatFits(states, (state) => settle(state, this.#person(user).id, picture, mayMakeRoom)),
    )
    if (asked.headers?.['idempotency-key'] && answer.status === 200 && isDry === 'no') {
      const ids = results.flatMap(({ task }: { task?: { id: string } }) => task?.id ?? [])
      this.#keyed.push({ user, asked, answer, ids })
    }
  }

  async #together(step: OperationsStep & { kind: 'together' }): Promise<void> {
    const [first] = step.choices
    const planned = step.choices
      .map((choice) => (step.isOneUser && first ? { ...choice, user: first.user } : choice))
      .map((choice) => ({ user: choice.user, operation: this.#operation(choice) }))
      .filter(({ user, operation }) => isCalm(this.#state(user), operation))
    const times = [Date.now()]
    const [sent] = await Promise.all([
      Promise.all(
        planned.map(async ({ user, operation }): Promise<Sent> => {
          return { user, operation, answer: await this.#send(user, alone(operation)) }
        }),
      ),
      ...[...new Set(step.readers)].map((user) => this.#page(user, 2)),
    ])
    times.push(Date.now())
    for (const { user, operation, answer } of sent) this.#note(user, operation, answer, '│')
    const users = [...new Set(sent.map(({ user }) => user))]
    await this.#settle(users, (picture, user) => {
      const own = sent.filter((one) => one.user === user)
      const mayMakeRoom = own.some(({ operation }) => makesRoom(operation))
      return firstThatFits(times, (now) =>
        this.#explain(this.#state(user), own, now, (state) =>
          settle(state, this.#person(user).id, picture, mayMakeRoom),
        ),
      )
    })
  }

  /** The state after requests that came at once: each happened at one moment, in some order. */
  #explain(
    state: State,
    sent: readonly Sent[],
    now: number,
    end: (state: State) => State | string,
  ): State | string {
    if (sent.length === 0) return end(state)
    const reasons = sent.map(({ operation, answer }, at) => {
      const outcome = outcomeOf(state, operation, this.#circumstances(answer, now))
      const difference = differs(outcome, answer, { isAlone: false })
      if (difference !== undefined) return `${operation.op}: ${difference}`
      return this.#explain(outcome.state, sent.toSpliced(at, 1), now, end)
    })
    return reasons.find((one) => typeof one !== 'string') ?? reasons.join('\n    or ')
  }

  async #read({ user, limit, from }: OperationsStep & { kind: 'read' }): Promise<void> {
    const reader = this.#readers[user]
    const others = this.#readers.flatMap((one) => (one === reader ? [] : (one.token ?? [])))
    const [another] = others
    if (from === 'token of another' && another !== undefined) {
      const path = `/changes?since=${another}`
      const answer = await this.#send(user, { method: 'GET', path })
      const isAhead =
        this.#server.numberOf(another) > (await this.#server.head(this.#person(user).id))
      const status = isAhead ? 410 : 200
      const difference = answer.status === status ? undefined : `expected ${status}`
      return this.#check(user, 'reads with the token of another', difference, answer)
    }
    if (reader !== undefined && from === 'beginning') reader.token = undefined
    await this.#page(user, limit)
  }

  async #page(user: number, limit: number): Promise<void> {
    const reader = this.#readers[user]
    if (reader === undefined) return
    const answer = await this.#send(user, { method: 'GET', path: `/changes${reader.query(limit)}` })
    this.#lines.push(`  ${this.#person(user).id} reads a page of ${limit}`)
    this.#check(user, 'reads', reader.apply(answer, limit), answer)
  }

  /** The first response again, whatever came afterwards, and nothing changes. */
  async #again(which: number): Promise<void> {
    const keyed = this.#keyed.at(-1 - (which % Math.max(this.#keyed.length, 1)))
    if (keyed === undefined) return
    const { user, asked, answer, ids } = keyed
    const again = await this.#send(user, asked)
    this.#lines.push(`  ${this.#person(user).id} repeats ${asked.method} ${asked.path}`)
    const gone = itemsOf(this.#state(user), 'gone').map(({ id }) => id)
    const isWhole = !ids.some((id) => gone.includes(id))
    const told = ({ status, text, headers }: Answer) =>
      [status, headers.etag, headers.location, headers.link, text].join('\n')
    const isSame = isWhole
      ? told(again) === told(answer)
      : again.status === answer.status && nextIn(again) === nextIn(answer)
    const isRepeated = again.headers['idempotency-replayed'] === 'true'
    this.#check(user, 'again', isSame && isRepeated ? undefined : `expected ${told(answer)}`, again)
    await this.#settle([], () => EMPTY_STATE)
  }

  /** Reads the pictures of the users that did something, and looks at the rows of all others. */
  async #settle(
    users: readonly number[],
    stateOf: (picture: Picture, user: number) => State | string,
  ): Promise<void> {
    for (const user of users) {
      const state = stateOf(await this.#picture(user), user)
      if (typeof state === 'string') this.#check(user, 'the tasks', state)
      else this.#states[user] = state
    }
    const digests = await this.#server.digests(this.#people.map(({ id }) => id))
    for (const [user, { id }] of this.#people.entries()) {
      if (users.includes(user) || digests.get(id) === this.#digests.get(id)) continue
      this.#check(user, 'isolation', 'the rows changed, although this user did nothing')
    }
    this.#digests = digests
  }

  async #picture(user: number): Promise<Picture> {
    const [list, trash] = await Promise.all(
      ['', '/trash'].map((path) => this.#send(user, { method: 'GET', path })),
    )
    return { list: list?.json, trash: trash?.json }
  }

  /** The task of a response is that of the list. */
  #shows(user: number, { json }: Answer): void {
    const found = itemsOf(this.#state(user), 'list').find(({ id }) => id === json.id)
    const isSame = JSON.stringify(found?.seen) === JSON.stringify(json)
    this.#check(user, 'shows', isSame ? undefined : `expected ${JSON.stringify(found?.seen)}`)
  }

  async #send(user: number, asked: Asked): Promise<Answer> {
    const person = this.#person(user)
    const answer = await this.#server.send(person, asked)
    const foreign = answer.text.match(MARK)?.find((mark) => mark !== person.mark)
    this.#check(user, `${asked.method} ${asked.path}`, foreign && `has ${foreign}`, answer)
    return answer
  }

  #operation(choice: Choice): Operation {
    const { user } = choice
    const others = this.#states.flatMap((state, at) =>
      at === user ? [] : [...itemsOf(state, 'list'), ...itemsOf(state, 'trash')],
    )
    const around: Surroundings = {
      ...{ state: this.#state(user), others: others.filter(isForeign(this.#state(user))) },
      mark: this.#person(user).mark,
    }
    return operationOf(choice, around)
  }

  #withKey(asked: Asked, isKeyed: boolean): Asked {
    if (!isKeyed) return asked
    const key = `key-${this.#moment()}`
    return { ...asked, headers: { ...asked.headers, 'idempotency-key': key } }
  }

  #circumstances(answer: Answer, now: number) {
    const id = answer.status === 201 ? String(answer.json.id) : undefined
    return { moment: this.#moment(), now, id, next: nextIn(answer) }
  }

  #moment(): string {
    this.#moments += 1
    return `#${this.#moments}`
  }

  #state(user: number): State {
    return this.#states[user] ?? EMPTY_STATE
  }

  #person(user: number): Person {
    const person = this.#people[user]
    if (person === undefined) throw new Error(`There is no user ${user}`)
    return person
  }

  #note(user: number, asked: object, { status }: Answer, mark = ' '): void {
    this.#lines.push(`${mark} ${this.#person(user).id} ${JSON.stringify(asked)} → ${status}`)
  }

  #check(user: number, what: string, difference: string | undefined, answer?: Answer): void {
    if (difference === undefined) return
    const got =
      answer === undefined ? '' : `\n    got ${answer.status} ${answer.text.slice(0, 1_500)}`
    const { id } = this.#person(user)
    throw new Error(`${this.#lines.join('\n')}\n  → ${id}, ${what}: ${difference}${got}`)
  }
}

/** Another user may have a task with the same id as an own one. */
const isForeign = (state: State) => (item: Item) =>
  ![...state.items.values()].some(({ id }) => id === item.id)

/** Operations that may give new positions to other tasks. */
const makesRoom = ({ op }: Operation) => op === 'move' || op === 'create'

/**
 * Whether an operation gives no new position to another task. That would count as a change of a next occurrence, which
 * the model learns only afterwards.
 */
function isCalm(state: State, operation: Operation): boolean {
  const hasPlace = operation.op === 'create' && operation.task.position !== undefined
  const isRoomy = !isCrowded(state)
  if (operation.op === 'create' && !hasPlace) return isRoomy || !isFirstCrowded(state)
  const recurs = itemsOf(state, 'list').some(({ recurrence }) => recurrence !== null)
  return operation.op === 'move' || hasPlace ? isRoomy && !recurs : true
}

function firstThatFits<Item>(items: readonly Item[], fit: (item: Item) => State | string) {
  const found = items.map(fit)
  return found.find((state) => typeof state !== 'string') ?? found[0] ?? 'nothing fits'
}
