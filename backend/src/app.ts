import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Accounts } from './accounts/accounts.ts'
import { BASE_PATH, TOKEN_HEADERS } from './accounts/http.ts'
import { accountRoutes } from './api/accounts/routes.ts'
import { docs } from './api/service/docs.ts'
import { health } from './api/service/health.ts'
import { describeApi } from './api/service/openapi.ts'
import { tasks } from './api/tasks/routes.ts'
import type { Config } from './core/config/config.ts'
import { LIMITS, type Limits } from './core/limits.ts'
import type { Database } from './database/session.ts'
import { takeJsonOnly } from './http/protocol/body.ts'
import { allowOrigins } from './http/protocol/origins.ts'
import { serveCanonicalPaths } from './http/protocol/paths.ts'
import { boundQueuedBytes, markAnswers, serverOptions } from './http/protocol/protocol.ts'
import { QueuedBytes } from './http/protocol/queued-bytes.ts'
import { cutSlowReaders } from './http/protocol/slow-readers.ts'
import { answerEveryone } from './http/protocol/sockets.ts'
import { Turns } from './http/protocol/turns.ts'
import { type RequestLimit, RequestWindows } from './http/rate/request-windows.ts'
import { answerProblems } from './http/resource/problem.ts'
import { scopeToUser } from './http/resource/user-scope.ts'
import { validateStrictly } from './http/resource/validation.ts'
import { Account, Session } from './schemas/accounts/account.ts'
import { Problem } from './schemas/problem.ts'
import { Completion, NewTask, Task, TaskChanges } from './schemas/tasks/task.ts'

export interface AppOptions {
  config: Config
  database: Database
  /** The accounts in the box; null where tokens come from elsewhere alone. */
  accounts: Accounts | null
  logger: FastifyBaseLogger
  /** Counts the task requests of users, where this process is not alone in it. */
  limit?: RequestLimit
  /** The sizes and times of HTTP; the tests take shorter ones. */
  limits?: Limits
  /** Is given the server before its first route, to see each one come. */
  watch?: (app: FastifyInstance) => void
}

const SCHEMAS = [Task, NewTask, TaskChanges, Completion, Account, Session, Problem]

/** The whole server, ready to listen: `main.ts`, the tests and the benchmarks all run this one. */
export async function buildApp({
  config,
  database,
  accounts,
  logger,
  limit = new RequestWindows(config.rateLimitPerMinute),
  limits = LIMITS,
  watch,
}: AppOptions): Promise<FastifyInstance> {
  const queued = new QueuedBytes(limits)
  const turns = new Turns(limits)
  const options = serverOptions(config, limits, queued, turns)
  const app = Fastify({ ...options, loggerInstance: logger })

  watch?.(app)
  answerEveryone(app.server, turns)
  markAnswers(app, turns, BASE_PATH)
  cutSlowReaders(app, queued, limits)
  answerProblems(app)
  takeJsonOnly(app)
  validateStrictly(app)
  await allowOrigins(app, config, { cookiePath: BASE_PATH, exposed: TOKEN_HEADERS })
  boundQueuedBytes(app, queued)
  serveCanonicalPaths(app)
  scopeToUser(app, { config, database, limit, queued, limits })

  await describeApi(app, SCHEMAS)
  await app.register(tasks, { prefix: '/api/:user_id/tasks' })
  if (accounts !== null) {
    const { publicUrl } = config
    // Without verification a sign-up says openly that an address is taken.
    const signUpGridMs = config.accounts?.requireEmailVerification ? limits.signUpGridMs : 0
    await app.register(accountRoutes, { prefix: BASE_PATH, accounts, publicUrl, signUpGridMs })
  }
  await app.register(health, { database })
  await app.register(docs)

  app.addHook('onClose', async () => {
    try {
      await accounts?.close()
    } finally {
      await database.close()
    }
  })
  return app
}
