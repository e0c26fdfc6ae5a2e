import { EventEmitter, once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { type Accounts, type AccountsOptions, openAccounts } from '../../src/accounts/accounts.ts'
import type { Page } from '../../src/api/web/page.ts'
import { buildApp } from '../../src/app.ts'
import { type Config, loadConfig } from '../../src/core/config/config.ts'
import type { Environment } from '../../src/core/config/settings.ts'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { signToken } from '../../src/core/token.ts'
import type { Connector } from '../../src/database/connector.ts'
import { detectScope } from '../../src/database/scope.ts'
import type { Database } from '../../src/database/session.ts'
import { type Kind, openTestDatabase, type Rows, type TestDatabase } from './databases.ts'
import { type HeldPasswords, holdablePasswords } from './passwords.ts'
import { endWithTest } from './started.ts'

export const SECRET = 'a secret for tests, of more than 32 bytes'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly bytes: Buffer
  /** The body, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body by asserting it
  readonly json: any
}

export interface Sending {
  /** The user to sign a token for; null sends none. */
  as?: string | null
  headers?: Record<string, string | string[]>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is. */
  raw?: string | Buffer
  /** Keeps sockets open; without one each request has a socket of its own. */
  agent?: Agent
}

/** The app `main.ts` serves, listening, on a database of its own. */
export interface TestApp {
  readonly app: FastifyInstance
  readonly config: Config
  readonly accounts: Accounts | null
  readonly port: number
  readonly passwords: HeldPasswords
  readonly log: string[]
  /** The first line of the log that has the text, as soon as it is there. */
  lineOf(text: string): Promise<string>
  /** Sends a request over a socket; the path goes out as it is written. */
  send(method: string, path: string, sending?: Sending): Promise<Answer>
  token(userId: string): Promise<string>
  admin(text: string, values?: unknown[]): Promise<Rows>
  readonly test: TestDatabase
  close(): Promise<void>
}

/** @param limits in place of those of the server, and of the times it waits, which are {@link PATIENT}. */
export async function startApp(
  kind: Kind,
  environment: Environment = {},
  wrap: (database: Database) => Database = (database) => database,
  limits: Partial<Limits> = {},
  { page, watch, ...options }: AccountsChoice & Pick<Serving, 'page' | 'watch'> = {},
): Promise<TestApp> {
  const poolMax = environment.DATABASE_POOL_MAX
  const connections = poolMax === undefined ? undefined : Number(poolMax)
  const patient = { ...PATIENT, ...limits }
  const test = await openTestDatabase(kind, connections, { ...LIMITS, ...patient })
  const { connector } = test
  const given = { connector, limits: patient, accounts: options, page, ...(watch && { watch }) }
  const served = await serve(wrap(test.database), environment, given)
  return { ...served, test, admin: test.admin, close: () => closeBoth(served, test) }
}

/** Where there is no database, accounts are routes alone. */
const NOWHERE: Connector = {
  description: 'none',
  size: 1,
  pooled: { host: '127.0.0.1', port: 1 },
  chooseScope: detectScope,
  direct: {},
  failed: new Promise(() => {}),
  close: async () => {},
}

type AccountsChoice = Pick<AccountsOptions, 'passwords' | 'mailLimitMs' | 'revocationTimes'>

export interface Serving {
  /** Where the accounts are kept. */
  connector?: Connector
  watch?: (app: FastifyInstance) => void
  /** Other limits than the server's own. */
  limits?: Partial<Limits>
  /** Other passwords than those that cost little, for accounts that other processes use as well. */
  accounts?: AccountsChoice
  /** The web page. The default is none, so that no test depends on whether it is built. */
  page?: Page | undefined
}

const refuse = () => Promise.reject(new Error('asked the database'))

/** Fails when it is asked anything. */
export const NO_DATABASE: Database = {
  description: '',
  failed: new Promise(() => {}),
  asUser: refuse,
  ping: refuse,
  close: async () => {},
}

/** Serves any database, also one that fails. */
export async function serve(
  database: Database,
  environment: Environment = {},
  {
    connector = NOWHERE,
    watch = () => {},
    limits = {},
    accounts: options = {},
    page,
  }: Serving = {},
) {
  const config = loadConfig({
    BETTER_AUTH_SECRET: SECRET,
    DATABASE_URL: 'pglite:memory',
    RATE_LIMIT_PER_MINUTE: '0',
    ...environment,
  })
  const log: string[] = []
  const wrote = new EventEmitter().setMaxListeners(0)
  const write = (line: string) => {
    log.push(line)
    wrote.emit('line')
  }
  const lineOf = async (text: string) => {
    for (;;) {
      const line = log.find((entry) => entry.includes(text))
      if (line !== undefined) return line
      await once(wrote, 'line')
    }
  }
  const logger = pino(loggerOptions('info'), { write })
  const passwords = holdablePasswords()
  const accounts = openAccounts(config, connector, logger, { passwords, ...options })
  const app = await buildApp({
    ...{ config, database, accounts, logger, watch, page },
    limits: { ...LIMITS, ...limits },
  })
  const port = Number(
    new URL(await app.listen({ host: '127.0.0.1', port: 0, backlog: LIMITS.connectionsWaiting }))
      .port,
  )
  const token = tokensOf(config)
  const agent = new Agent({ keepAlive: true })
  const send = async (method: string, path: string, sending: Sending = {}) => {
    const user = sending.as === undefined ? userOf(path) : sending.as
    const bearer = user === null ? {} : { authorization: `Bearer ${await token(user)}` }
    const headers = { ...bearer, ...sending.headers }
    return exchange(port, method, path, { agent, ...sending, headers })
  }
  const close = endWithTest(`server on port ${port}`, () => {
    agent.destroy()
    return app.close()
  })
  return { app, config, accounts, passwords, port, log, lineOf, token, send, close }
}

/** @returns what signs tokens. Those of a user and a second are the same byte for byte, and signed once. */
function tokensOf(config: Config): (userId: string) => Promise<string> {
  const signed = new Map<string, Promise<string>>()
  let second = 0
  return (userId) => {
    const now = Math.floor(Date.now() / 1000)
    if (now !== second) signed.clear()
    second = now
    const known = signed.get(userId) ?? signToken(config, userId, now)
    signed.set(userId, known)
    return known
  }
}

/** The tests' users have ids that need no encoding, so the path names them. */
function userOf(path: string): string | null {
  return /^\/api\/([^/?]+)\/tasks/.exec(path)?.[1] ?? null
}

export function exchange(
  port: number,
  method: string,
  path: string,
  { headers, body, raw, agent }: Omit<Sending, 'as'>,
): Promise<Answer> {
  const payload = body === undefined ? raw : JSON.stringify(body)
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  // Node frames no body of a GET or DELETE by itself.
  const framed = payload === undefined || headers?.['transfer-encoding'] !== undefined
  const length = framed ? {} : { 'content-length': String(Buffer.byteLength(payload)) }
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...type, ...length, ...headers },
        agent: agent ?? false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          const text = bytes.toString()
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            bytes,
            get json() {
              return JSON.parse(text)
            },
          })
        })
      },
    )
    request.on('error', reject)
    request.end(payload)
  })
}

async function closeBoth(served: { close(): Promise<void> }, test: TestDatabase): Promise<void> {
  await served.close()
  await test.close()
}

/** Longer than any test waits for what comes. */
export const LONG_MS = 3_600_000
/** What the server would give up for taking long, it waits for: a slow or busy machine changes nothing. */
export const PATIENT = {
  headersMs: 300_000, // more is refused by Node, which knows its own requestTimeout
  requestMs: LONG_MS,
  stalledMs: LONG_MS,
  keepAliveMs: LONG_MS,
  slowestOverMs: LONG_MS,
  statementStuckMs: LONG_MS,
  statementWaitMs: LONG_MS,
  pageMs: LONG_MS,
} satisfies Partial<Limits>
