import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './accounts.ts'

const PATH = '/api/auth/sign-in/email'
/** A client that has not signed in after this time fails the run. */
const LIMIT_MS = 120_000

/** The results of clients that signed in at once. */
export interface SignIns {
  readonly count: number
  /** The time until the last client had signed in. */
  readonly seconds: number
  readonly perSecond: number
  /** Responses with 503. */
  readonly answered503: number
  /** Responses with 429. */
  readonly answered429: number
}

/**
 * Signs in all accounts at once. Each retries exactly after the Retry-After of a 503 or a 429.
 *
 * @param url of a server that trusts the loopback network for X-Forwarded-For.
 * @throws for another status, and if one has not signed in after two minutes.
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
        throw new Error(`The response to a sign-in has the status ${statusCode}`)
      }
      answered[statusCode] += 1
      const retryAfterSeconds = Number(headers['retry-after'])
      if (!(retryAfterSeconds > 0)) throw new Error(`${statusCode} without Retry-After`)
      await sleep(retryAfterSeconds * 1_000)
    }
    throw new Error(`${account.email} has not signed in after ${LIMIT_MS} ms`)
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
  sent.on('timeout', () => sent.destroy(new Error('A sign-in got no response')))
  sent.end(JSON.stringify({ email, password }))
  const [response]: IncomingMessage[] = await once(sent, 'response')
  if (response === undefined) throw new Error('The response event has no response') // once has one
  response.resume()
  await once(response, 'end')
  return response
}
