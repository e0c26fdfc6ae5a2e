import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Accounts } from './accounts/accounts.ts'
import { ACCOUNTS_PATH, TOKEN_HEADERS } from './accounts/http.ts'
import { accountRoutes, signInQueue } from './api/accounts/routes.ts'
import { changes } from './api/changes/routes.ts'
import { docs } from './api/service/docs.ts'
import { health } from './api/service/health.ts'
import { describeApi } from './api/service/openapi.ts'
import { batch } from './api/tasks/batch.ts'
import { overview } from './api/tasks/overview.ts'
import { tasks } from './api/tasks/routes.ts'
import { trash } from './api/trash/routes.ts'
import type { Page } from './api/web/page.ts'
import { webRemoval } from './api/web/removal.ts'
import { sendPage, web } from './api/web/routes.ts'
import type { Config } from './core/config/config.ts'
import { LIMITS, type Limits } from './core/limits.ts'
import { announced, type Database } from './database/session.ts'
import { NO_REVOCATIONS } from './http/identity/revocations.ts'
import { acceptJsonOnly } from './http/protocol/body.ts'
import { allowOrigins } from './http/protocol/origins.ts'
import { serveCanonicalPaths } from './http/protocol/paths.ts'
import { boundQueuedBytes, markResponses, serverOptions } from './http/protocol/protocol.ts'
import { QueuedBytes } from './http/protocol/queued-bytes.ts'
import { cutSlowReaders } from './http/protocol/slow-readers.ts'
import { answerRefusedRequests } from './http/protocol/sockets.ts'
import { Turns } from './http/protocol/turns.ts'
import { warnOfUntrustedProxy } from './http/protocol/untrusted-proxy.ts'
import { type RequestLimit, RequestWindows } from './http/rate/request-windows.ts'
import type { Turnstile } from './http/rate/turnstile.ts'
import { answerProblems } from './http/resource/problem.ts'
import { scopeToUser } from './http/resource/user-scope.ts'
import { validateStrictly } from './http/resource/validation.ts'
import { ChangeHints } from './models/changes/hints.ts'
import { withRoom } from './models/tasks/room.ts'
import { Account, Session } from './schemas/accounts/account.ts'
import { Problem } from './schemas/problem.ts'
import { RECURS } from './schemas/tasks/recurs.ts'

export interface AppOptions {
  config: Config
  database: Database
  /** The built-in accounts; null if only an external issuer signs tokens. */
  accounts: Accounts | null
  logger: FastifyBaseLogger
  /** Counts the task requests of each user. The default counts those of this process only. */
  limit?: RequestLimit
  /** The limits of HTTP. Tests pass shorter ones. */
  limits?: Limits
  /** The queue of sign-ins, if the caller observes it. */
  signIns?: Turnstile | undefined
  /** Where changes are announced, if the caller passes them on to other processes. */
  hints?: ChangeHints
  /** The web page; undefined if it is off or not built. */
  page?: Page | undefined
  /** Logs a warning that all processes would give. The default logs it for this process. */
  warnOnce?: (text: string) => void
  /** Called with the server before it has routes, so that the caller can observe each route. */
  watch?: (app: FastifyInstance) => void
}

/** The schemas in the OpenAPI document beside those that a resource adds. */
const SCHEMAS = [Account, Session, Problem]

/** @returns the whole server, ready to listen. `main.ts`, the tests and the benchmarks use it. */
export async function buildApp({
  config,
  database,
  accounts,
  logger,
  limit = new RequestWindows(config.rateLimitPerMinute),
  limits = LIMITS,
  signIns,
  hints = new ChangeHints(),
  page,
  warnOnce = (text) => logger.warn(text),
  watch,
}: AppOptions): Promise<FastifyInstance> {
  const queued = new QueuedBytes(limits)
  const turns = new Turns(limits)
  const options = serverOptions(config, limits, queued, turns)
  const app = Fastify({ ...options, loggerInstance: logger })
  app.decorate('basePath', config.basePath)

  answerRefusedRequests(app.server, turns)
  markResponses(app, turns, ACCOUNTS_PATH)
  watch?.(app)
  warnOfUntrustedProxy(app, config, warnOnce)
  cutSlowReaders(app, queued, limits)
  answerProblems(app, ACCOUNTS_PATH)
  acceptJsonOnly(app)
  validateStrictly(app, [RECURS])
  await allowOrigins(app, config, TOKEN_HEADERS)
  boundQueuedBytes(app, queued)
  serveCanonicalPaths(app)
  const revocations = accounts?.revocations ?? NO_REVOCATIONS
  const announcing = announced(withRoom(database), (userId) => hints.changed(userId))
  scopeToUser(app, { config, database: announcing, limit, queued, revocations })

  await describeApi(app, SCHEMAS)
  const { pageMs } = limits
  const { trashDays } = config
  await app.register(tasks, {
    prefix: '/api/:user_id/tasks',
    pageMs,
    trashDays,
  })
  await app.register(batch, { prefix: '/api/:user_id/tasks/batch', trashDays })
  await app.register(overview, { prefix: '/api/:user_id/tasks' })
  await app.register(changes, {
    prefix: '/api/:user_id/tasks/changes',
    ...{ database, limits, hints, queued, revocations, log: logger },
  })
  await app.register(trash, { prefix: '/api/:user_id/tasks/trash', pageMs })
  if (accounts !== null) {
    // Without verification the response to a sign-up reveals taken addresses anyway.
    const signUpGridMs = config.accounts?.requireEmailVerification ? limits.signUpGridMs : 0
    const hashing = signIns ?? signInQueue(accounts)
    const hasPage = page !== undefined
    const options = { accounts, config, signUpGridMs, hashing, hasPage }
    await app.register(accountRoutes, { prefix: ACCOUNTS_PATH, ...options })
  }
  await app.register(health, { database })
  await app.register(docs, { sendPage: page && sendPage(page) })
  if (page !== undefined) await app.register(web, { page })
  else if (!config.web) await app.register(webRemoval)

  app.addHook('onClose', async () => {
    try {
      await accounts?.close()
    } finally {
      await database.close()
    }
  })
  return app
}
