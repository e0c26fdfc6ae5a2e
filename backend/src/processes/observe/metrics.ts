import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Accounts } from '../../accounts/accounts.ts'
import { AppError, ERRORS, type ErrorCode } from '../../core/errors.ts'
import { VERSION } from '../../core/version.ts'
import type { PipelinedPool } from '../../database/pipeline/pool.ts'
import type { QueueLoad } from '../../http/rate/turnstile.ts'
import type { JobWatch } from '../../jobs/regularly.ts'
import type { Observer } from './observer.ts'

/** The objects that the metrics read when they are collected. */
export interface Sources {
  readonly pool: Pick<PipelinedPool, 'load'>
  /** The queue of sign-ins; undefined without accounts. */
  readonly signIns: { readonly load: QueueLoad } | undefined
  readonly accounts: Pick<Accounts, 'workAfterResponses'> | null
  readonly hints: { readonly streams: number }
}

/** The upper bounds of the histograms, in seconds. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const STATEMENT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
/** Most jobs find little to do. A purge of many tasks takes minutes. */
const JOB_SECONDS = [0.01, 0.1, 0.5, 1, 5, 30, 120, 600]
const CODES = Object.keys(ERRORS) as ErrorCode[] // of a constant object
/**
 * The problems that the server itself causes. Their counters begin with 0: Prometheus computes a rate from two samples,
 * so that a counter which appears with its first failure hides that one.
 */
const FAILURES = CODES.filter((code) => ERRORS[code].status >= 500)
const JOB_OUTCOMES = ['ok', 'failed']
/** Clients choose the method, so that others share one label. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/**
 * prom-client replaced the first two by nodejs_active_resources, and they list every socket. The totals are gauges,
 * whose names promtool reserves for counters, and the sums of the others.
 */
const LEFT_OUT = ['handles', 'requests', 'handles_total', 'requests_total', 'resources_total'].map(
  (name) => `nodejs_active_${name}`,
)

/**
 * The metrics of this process. Labels have values of fixed sets only: patterns of routes, methods, statuses,
 * codes of problems. They never contain a path or a user.
 */
export class Metrics implements Observer {
  readonly registry = new Registry()
  readonly #requests: Histogram<'method' | 'route' | 'status'>
  readonly #problems: Counter<'problem'>
  readonly #statements: Counter<'outcome'>
  readonly #durations: Histogram
  readonly #jobs: Histogram<'name' | 'outcome'>
  readonly #jobSuccess: Gauge<'name'>
  readonly #begunJobs = new Set<string>()

  constructor({ pool, signIns, accounts, hints }: Sources) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    for (const name of LEFT_OUT) this.registry.removeSingleMetric(name)
    new Gauge({
      ...{ name: 'todo_build_info', help: 'The version of the server and of Node.', registers },
      ...{ labelNames: ['version', 'node'], aggregator: 'first' },
    }).set({ version: VERSION, node: process.version }, 1)
    this.#gauge('todo_processes', 'Processes that serve.', () => 1)

    this.#requests = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its response.',
      labelNames: ['method', 'route', 'status'],
      buckets: REQUEST_SECONDS,
      registers,
    })
    new Counter({
      ...{ name: 'http_requests_total', help: 'Responses.', registers },
      labelNames: ['method', 'route', 'status'],
      // The histogram has the same counts, so that a request is not counted twice.
      collect: countsOf(this.#requests),
    })
    this.#problems = new Counter({
      ...{ name: 'http_problems_total', help: 'Error responses by problem code.', registers },
      labelNames: ['problem'],
    })
    for (const problem of [...FAILURES, 'too_many_requests']) this.#problems.inc({ problem }, 0)

    this.#statements = new Counter({
      ...{ name: 'todo_statements_total', help: 'Statements of users by outcome.', registers },
      labelNames: ['outcome'],
    })
    for (const outcome of ['ok', ...FAILURES]) this.#statements.inc({ outcome }, 0)
    this.#durations = new Histogram({
      name: 'todo_statement_duration_seconds',
      help: 'Time of the statements of one transaction, with their wait for a connection.',
      buckets: STATEMENT_SECONDS,
      registers,
    })
    // Prometheus gives every sample a label `job` of its own.
    this.#jobs = new Histogram({
      ...{ name: 'todo_job_duration_seconds', help: 'Time of the jobs by outcome.', registers },
      ...{ labelNames: ['name', 'outcome'], buckets: JOB_SECONDS },
    })
    this.#jobSuccess = new Gauge({
      name: 'todo_job_last_success_timestamp_seconds',
      help: 'When the job last ended without an error, in seconds since 1970.',
      ...{ labelNames: ['name'], aggregator: 'max', registers },
    })
    this.#gauge(
      'todo_statements_in_progress',
      'Statements that are in progress or wait.',
      () => pool.load.inProgress,
    )
    this.#gauge(
      'todo_statements_waiting',
      'Statements that wait for a connection.',
      () => pool.load.waiting,
    )
    this.#gauge(
      'todo_pool_connections',
      'Open connections to the database for statements of users.',
      () => pool.load.connections,
    )
    this.#gauge(
      'todo_pool_connections_max',
      'The largest number of these connections.',
      () => pool.load.size,
    )
    this.#gauge('todo_streams', 'Open streams of changes.', () => hints.streams)
    if (accounts !== null) {
      this.#gauge(
        'todo_work_after_responses',
        'Mail and deletions that go on after a response.',
        () => accounts.workAfterResponses,
      )
    }
    if (signIns !== undefined) {
      this.#gauge(
        'todo_sign_ins_running',
        'Requests that hash a password.',
        () => signIns.load.running,
      )
      this.#gauge(
        'todo_sign_ins_waiting',
        'Requests that wait to hash a password.',
        () => signIns.load.waiting,
      )
    }
  }

  watch = (app: FastifyInstance): void => {
    this.#gauge(
      'http_connections',
      'Open connections of clients.',
      () =>
        new Promise((resolve) => {
          app.server.getConnections((error, count) => resolve(error === null ? count : 0))
        }),
    )
    app.addHook('onResponse', (request, reply, done) => {
      const { method } = request
      this.#requests.observe(
        {
          method: METHODS.has(method) ? method : 'other',
          route: request.routeOptions.url ?? 'none',
          status: reply.statusCode,
        },
        reply.elapsedTime / 1_000,
      )
      if (request.refusal !== undefined) this.#problems.inc({ problem: request.refusal.problem })
      done()
    })
  }

  begin: Observer['begin'] = (asked) => {
    const begunMs = performance.now()
    const count = 'sql' in asked ? 1 : asked.length
    return (error) => {
      this.#durations.observe((performance.now() - begunMs) / 1_000)
      this.#statements.inc({ outcome: outcomeOf(error) }, count)
    }
  }

  readonly beginJob: JobWatch = (name) => {
    if (!this.#begunJobs.has(name)) {
      this.#begunJobs.add(name)
      for (const outcome of JOB_OUTCOMES) this.#jobs.zero({ name, outcome })
    }
    const begunMs = performance.now()
    return (error) => {
      const outcome = error === undefined ? 'ok' : 'failed'
      this.#jobs.observe({ name, outcome }, (performance.now() - begunMs) / 1_000)
      if (error === undefined) this.#jobSuccess.setToCurrentTime({ name })
    }
  }

  #gauge(name: string, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      ...{ name, help, registers: [this.registry] },
      async collect() {
        this.set(await read())
      },
    })
  }
}

function outcomeOf(error: unknown): string {
  if (error === undefined) return 'ok'
  return error instanceof AppError ? error.code : 'internal_error'
}

function countsOf(histogram: Histogram<'method' | 'route' | 'status'>) {
  return async function collect(this: Counter<'method' | 'route' | 'status'>) {
    const { values } = await histogram.get()
    this.reset()
    for (const { metricName, labels, value } of values) {
      if (metricName?.endsWith('_count')) this.inc(labels, value)
    }
  }
}
