import type { IncomingHttpHeaders } from 'node:http'
import { type Attempt, type Expected, type Group, isRead, type Pair } from './attempts.ts'
import type { Answer, Client } from './client.ts'
import { member, parsed } from './people.ts'
import { newestTasks } from './tasks.ts'

export interface Check {
  readonly group: string
  readonly name: string
  /** The direction of the attempt: A on B, or B on A. */
  readonly who: string
  /** The reason of a failure; undefined if the check passed. */
  readonly wrong: string | undefined
}

/** The headers of every response (contract §3). Undefined allows any value. */
const HEADERS = {
  'x-request-id': undefined,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}
const HEADERS_GROUP = 'headers of every answer'

/** A shorter match of a secret may be a coincidence. */
const PIECE = 8

/** @returns the number of characters of a text that come from a secret. */
export function foreignBytes(text: string, secret: string): number {
  const found = new Set<number>()
  for (let at = 0; at + PIECE <= secret.length; at += 1) {
    const piece = secret.slice(at, at + PIECE)
    for (let place = text.indexOf(piece); place !== -1; place = text.indexOf(piece, place + 1)) {
      for (let n = 0; n < PIECE; n += 1) found.add(place + n)
    }
  }
  return found.size
}

/** Runs all attempts of one person on the other's tasks. */
export class Trial {
  readonly #checks: Check[] = []
  readonly #headerChecks: Check[] = []
  /** The number of characters of one person's tasks in responses to the other. */
  foreignBytes = 0
  readonly #client: Client
  readonly #pair: Pair

  constructor(client: Client, pair: Pair) {
    this.#client = client
    this.#pair = pair
  }

  get checks(): readonly Check[] {
    return [...this.#checks, ...this.#headerChecks]
  }

  async run(groups: readonly Group[]): Promise<void> {
    let before = await this.#everything()
    for (const { name, attempts } of groups) {
      for (const attempt of attempts) {
        await this.#try(name, attempt)
        if (isRead(attempt.method)) continue
        const after = await this.#everything()
        const mayChange = attempt.expected.status.some((status) => status < 300)
        if (!mayChange) {
          const wrong = after === before ? undefined : 'tasks changed all the same'
          this.#check(name, `${attempt.name}: nothing changes`, wrong)
        }
        before = after
      }
    }
  }

  /** @returns the newest tasks of both people, each requested with their own token. */
  async #everything(): Promise<string> {
    const { me, other } = this.#pair
    return `${await newestTasks(this.#client, other)}\n${await newestTasks(this.#client, me)}`
  }

  async #try(group: string, attempt: Attempt): Promise<void> {
    const {
      name,
      missing,
      missingBody,
      expected,
      method,
      forbidden = [this.#pair.other.secret],
    } = attempt
    const compared = missing !== undefined || missingBody !== undefined
    const sendMissing = () =>
      this.#send(missingBody === undefined ? attempt : { ...attempt, body: missingBody }, missing)
    const before = compared && (await sendMissing())
    const answer = await this.#send(attempt)
    const wrong = [wrongWith(answer, expected, method)]
    const text = `${JSON.stringify(answer.headers)}\n${answer.text}`
    const foreign = forbidden.reduce((sum, secret) => sum + foreignBytes(text, secret), 0)
    this.foreignBytes += foreign
    if (foreign > 0) wrong.push(`has ${foreign} bytes of another's tasks`)
    this.#check(group, name, wrong.filter(Boolean).join(', ') || undefined)
    if (before) {
      const difference = await differences(answer, before, sendMissing)
      this.#check(group, `${name}: as for no task`, difference)
    }
    if (!attempt.unusual) this.#check(HEADERS_GROUP, name, headersLacking(answer))
  }

  #send(attempt: Attempt, path = attempt.path): Promise<Answer> {
    return this.#client.send(attempt.method, path, attempt)
  }

  #check(group: string, name: string, wrong: string | undefined): void {
    const { me, other } = this.#pair
    const checks = group === HEADERS_GROUP ? this.#headerChecks : this.#checks
    checks.push({ group, name, who: `${me.name} on ${other.name}`, wrong })
  }
}

/** @returns the difference from the expected response as text; undefined if there is no difference. */
function wrongWith(answer: Answer, expected: Expected, method: string): string | undefined {
  const { status, error, owner, has } = expected
  if (!status.includes(answer.status)) {
    return `is answered ${answer.status} instead of ${status.join(' or ')}`
  }
  if (method === 'HEAD') return answer.text === '' ? undefined : 'has a body'
  if (error !== undefined && member(answer, 'error') !== error) {
    return `is answered ${answer.status} without the code ${error}`
  }
  const challenge = answer.headers['www-authenticate'] ?? ''
  if (error === 'unauthorized' && !challenge.startsWith('Bearer')) return 'has no WWW-Authenticate'
  if (owner !== undefined && ownersOf(answer).some((id) => id !== owner))
    return 'has a task of another'
  return has === undefined || answer.text.includes(has) ? undefined : 'lacks the own tasks'
}

function ownersOf(answer: Answer): unknown[] {
  const body = parsed(answer)
  return [body]
    .flat()
    .map((task) => (typeof task === 'object' && task ? Reflect.get(task, 'user_id') : undefined))
}

/** @returns how the responses for a foreign and a missing id differ; undefined if they are equal. */
async function differences(
  foreign: Answer,
  missing: Answer,
  sendMissing: () => Promise<Answer>,
): Promise<string | undefined> {
  const [one, none] = [stable(foreign.headers), stable(missing.headers)]
  let differing = [...new Set([...Object.keys(one), ...Object.keys(none)])].filter(
    (name) => one[name] !== none[name],
  )
  if (differing.length > 0) {
    // A header that differs between two responses to the same request reveals nothing.
    const later = stable((await sendMissing()).headers)
    differing = differing.filter((name) => none[name] === later[name])
  }
  if (foreign.status !== missing.status) differing.unshift('status')
  if (bytes(foreign) !== bytes(missing)) differing.unshift('body')
  return differing.length === 0 ? undefined : `differs in ${differing.join(', ')}`
}

const bytes = ({ text }: Answer) => text.replace(/"request_id":"[^"]*"/, '')

/** @returns the headers without those that every response sets to a new value. */
function stable(headers: IncomingHttpHeaders): Record<string, string> {
  const own = /^(date|x-request-id|content-length|ratelimit.*)$/
  const entries = Object.entries(headers).filter(([name]) => !own.test(name))
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

function headersLacking({ headers }: Answer): string | undefined {
  const lacking = Object.entries(HEADERS).filter(([name, value]) =>
    value === undefined ? !headers[name] : headers[name] !== value,
  )
  if (lacking.length === 0) return undefined
  return `lacks ${lacking.map(([name, value]) => (value ? `${name}: ${value}` : name)).join(', ')}`
}
