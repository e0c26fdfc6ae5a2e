import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './accounts.ts'

const PATH = '/api/auth/sign-in/email'
/** A client that is not in by then fails the run. */
const LIMIT_MS = 120_000

/** What came of clients that signed in at once. */
export interface SignIns {
  readonly count: number
  /** Until the last one was in. */
  readonly seconds: number
  readonly perSecond: number
  /** Answers "too busy, try again". */
  readonly answered503: number
  /** Answers "too often, try again". */
  readonly answered429: number
}

/**
 * Signs all accounts in at once. Each tries again after the Retry-After of a 503 or a 429, no sooner
 * and no later, until it is in.
 *
 * @param url of a server that trusts its loopback for X-Forwarded-For.
 * @throws when one is answered otherwise, or is not in after two minutes.
 */
export async function signInAtOnce(url: string, accounts: readonly Account[]): Promise<SignIns> {
  const agent = new Agent({ keepAlive: true })
  const answered = { 503: 0, 429: 0 }
  const startedMs = performance.now()
  const signIn = async (account: Account) => {
    while (performance.now() - startedMs < LIMIT_MS) {
      const { statusCode, headers } = await trySignIn(url, account, agent)
      if (statusCode === 200) return
      if (statusCode !== 503 && statusCode !== 429) {
        throw new Error(`a sign-in was answered ${statusCode}`)
      }
      answered[statusCode] += 1
      const retryAfterSeconds = Number(headers['retry-after'])
      if (!(retryAfterSeconds > 0)) throw new Error(`${statusCode} without Retry-After`)
      await sleep(retryAfterSeconds * 1_000)
    }
    throw new Error(`${account.email} is not in after ${LIMIT_MS} ms`)
  }
  try {
    await Promise.all(accounts.map(signIn))
  } finally {
    agent.destroy()
  }
  const seconds = (performance.now() - startedMs) / 1_000
  return {
    count: accounts.length,
    seconds,
    perSecond: accounts.length / seconds,
    answered503: answered[503],
    answered429: answered[429],
  }
}

async function trySignIn(
  url: string,
  { email, password, address }: Account,
  agent: Agent,
): Promise<IncomingMessage> {
  const sent = request(url + PATH, {
    agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    timeout: LIMIT_MS,
  })
  sent.on('timeout', () => sent.destroy(new Error('a sign-in was not answered')))
  sent.end(JSON.stringify({ email, password }))
  const [response]: IncomingMessage[] = await once(sent, 'response')
  if (response === undefined) throw new Error('a response without itself') // once has one
  response.resume()
  await once(response, 'end')
  return response
}
