import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { parse } from 'yaml'
import { loadConfig } from '../src/core/config/config.ts'
import { VERSION } from '../src/core/version.ts'
import { PipelinedPool } from '../src/database/pipeline/pool.ts'
import { Turnstile } from '../src/http/rate/turnstile.ts'
import { purgeRegularly } from '../src/jobs/purge.ts'
import type { JobWatch } from '../src/jobs/regularly.ts'
import { vacuumRegularly } from '../src/jobs/vacuum.ts'
import { Metrics } from '../src/processes/observe/metrics.ts'
import { listenForMetrics } from '../src/processes/observe/metrics-listener.ts'
import { observed } from '../src/processes/observe/observer.ts'
import { WorkerMetrics } from '../src/processes/observe/worker-metrics.ts'
import { exchange, SECRET, serve as serveApp } from './support/app.ts'
import {
  embeddedFolder,
  emptyPostgres,
  openTestDatabase,
  type TestDatabase,
} from './support/databases.ts'
import { serve } from './support/process.ts'
import { endWithTest } from './support/started.ts'

const portOf = (address: string) => Number(new URL(address).port)

/** The samples of a scrape by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

const readExample = (name: string) =>
  readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8')
/** The queries of the dashboard. */
const SHOWN: string[] = JSON.parse(readExample('grafana/dashboard.json')).panels.flatMap(
  ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
)
const ALERTS: { alert: string; expr: string }[] = parse(readExample('alerts.yml')).groups[0].rules

const scrape = async (port: number) => (await exchange(port, 'GET', '/metrics', {})).text

describe('the metrics', () => {
  let test: TestDatabase
  let served: Awaited<ReturnType<typeof serveApp>>
  let port: number
  let close: () => void
  let metrics: Metrics

  before(async () => {
    test = await openTestDatabase('postgres')
    const pool = new PipelinedPool(test.connector)
    const signIns = new Turnstile({ atOnce: 1, waiting: 1, ofOneClient: 1 })
    const accounts = { workAfterResponses: 0 }
    metrics = new Metrics({ pool, signIns, accounts, hints: { streams: 3 } })
    const watching = { connector: test.connector, watch: metrics.watch }
    served = await serveApp(observed(pool, metrics), { RATE_LIMIT_PER_MINUTE: '40' }, watching)
    const read = () => metrics.registry.metrics()
    const listener = await listenForMetrics({ host: '127.0.0.1', port: 0 }, read)
    port = portOf(listener.address)
    close = endWithTest('metrics', listener.close)
  })
  after(async () => {
    close()
    await served.close()
    await test.close()
  })

  it('count responses by pattern of the route, and contain neither a path nor a user', async () => {
    const task = await served.send('POST', '/api/secret-user/tasks', { body: { title: 'x' } })
    assert.equal(task.status, 201)
    const path = `/api/secret-user/tasks/${task.json.id}`
    assert.equal((await served.send('GET', path)).status, 200)
    assert.equal((await served.send('GET', '/api/secret-user/tasks', { as: null })).status, 401)
    assert.equal((await served.send('GET', '/wp-admin/secret')).status, 404)
    assert.equal((await served.send('PROPFIND', '/livez')).status, 405)
    const scraped = await scrape(port)
    const samples = samplesOf(scraped)
    const of = (method: string, route: string, status: number) =>
      samples.get(`http_requests_total{method="${method}",route="${route}",status="${status}"}`)
    assert.equal(of('POST', '/api/:user_id/tasks', 201), 1)
    assert.equal(of('GET', '/api/:user_id/tasks/:id', 200), 1)
    assert.equal(of('GET', '/api/:user_id/tasks', 401), 1)
    assert.equal(samples.get('http_problems_total{problem="unauthorized"}'), 1)
    const seconds = samples.get(
      'http_request_duration_seconds_count{method="POST",route="/api/:user_id/tasks",status="201"}',
    )
    assert.equal(seconds, 1)
    assert.doesNotMatch(scraped, new RegExp(`secret|${task.json.id}|PROPFIND`))
  })

  it('count statements, connections and refusals of the rate limit', async () => {
    const before = samplesOf(await scrape(port)).get('todo_statements_total{outcome="ok"}') ?? 0
    let status = 0
    let counted = 0
    while (status !== 429) {
      ;({ status } = await served.send('GET', '/api/hasty/tasks'))
      if (status === 200) counted += 1
    }
    const samples = samplesOf(await scrape(port))
    assert.equal(counted, 40)
    assert.equal(samples.get('todo_statements_total{outcome="ok"}'), before + counted)
    assert.equal(samples.get('http_problems_total{problem="too_many_requests"}'), 1)
    assert.equal(samples.get('todo_pool_connections_max'), test.connector.size)
    assert.ok((samples.get('todo_pool_connections') ?? 0) >= 1)
    assert.equal(samples.get('todo_statements_waiting'), 0)
    assert.ok((samples.get('process_resident_memory_bytes') ?? 0) > 1e6)
    assert.ok(samples.has('nodejs_eventloop_lag_p99_seconds'))
    assert.equal(samples.get(`todo_build_info{version="${VERSION}",node="${process.version}"}`), 1)
  })

  it('count jobs by outcome, and have the time of the last success', async () => {
    const runs = { purge: 2, vacuum: 1 }
    const begunSeconds = Date.now() / 1_000
    const watched = (times: number) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      let ended = 0
      const watch: JobWatch = (job) => {
        const end = metrics.beginJob(job)
        return (error) => {
          if (ended === times) return
          end(error)
          ended += 1
          if (ended === times) resolve()
        }
      }
      return { watch, promise }
    }
    const job = { log: pino({ level: 'silent' }), everyMs: 1 }
    const nowhere = { host: '127.0.0.1', port: 1 }
    const purge = watched(runs.purge)
    const vacuum = watched(runs.vacuum)
    const ends = [
      purgeRegularly({ ...job, database: test.database, trashDays: 30, watch: purge.watch }),
      vacuumRegularly({ ...job, connector: { direct: nowhere }, watch: vacuum.watch }),
    ]
    await Promise.all([purge.promise, vacuum.promise])
    for (const end of ends) end()
    const samples = samplesOf(await scrape(port))
    const count = (name: string, outcome: string) =>
      samples.get(`todo_job_duration_seconds_count{name="${name}",outcome="${outcome}"}`)
    assert.deepEqual([count('purge', 'ok'), count('purge', 'failed')], [runs.purge, 0])
    assert.deepEqual([count('vacuum', 'ok'), count('vacuum', 'failed')], [0, runs.vacuum])
    const succeeded = (name: string) =>
      samples.get(`todo_job_last_success_timestamp_seconds{name="${name}"}`)
    assert.ok((succeeded('purge') ?? 0) >= begunSeconds)
    assert.equal(succeeded('vacuum'), undefined)
  })

  it('have 0 for a failure before the first one, without which a rate would not see it', async () => {
    const { registry, beginJob } = new Metrics({
      pool: { load: { connections: 1, size: 2, inProgress: 0, waiting: 0 } },
      ...{ signIns: undefined, accounts: null, hints: { streams: 0 } },
    })
    const end = beginJob('purge')
    const samples = samplesOf(await registry.metrics())
    for (const code of ['too_many_requests', 'internal_error', 'service_unavailable']) {
      assert.equal(samples.get(`http_problems_total{problem="${code}"}`), 0, code)
    }
    for (const outcome of ['ok', 'internal_error', 'service_unavailable']) {
      assert.equal(samples.get(`todo_statements_total{outcome="${outcome}"}`), 0, outcome)
    }
    for (const outcome of ['ok', 'failed']) {
      const name = `todo_job_duration_seconds_count{name="purge",outcome="${outcome}"}`
      assert.equal(samples.get(name), 0, outcome)
    }
    end(new Error('the first failure'))
    beginJob('purge')
    const failed = 'todo_job_duration_seconds_count{name="purge",outcome="failed"}'
    assert.equal(samplesOf(await registry.metrics()).get(failed), 1)
  })

  it('have the names, units and texts that promtool asks for', async () => {
    const scraped = await scrape(port)
    const described = [...scraped.matchAll(/^# HELP (\S+) (.+)\n# TYPE \1 (\w+)$/gm)]
    assert.ok(described.length > 20)
    assert.equal(described.length, scraped.match(/^# HELP/gm)?.length)
    for (const [, name = '', help = '', type] of described) {
      assert.match(help, /\w/, name)
      assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
      assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|mb|kilobytes|count|sum|bucket)$/)
    }
  })

  it('are served at /metrics alone, for GET and HEAD', async () => {
    const { status, headers } = await exchange(port, 'HEAD', '/metrics', {})
    assert.equal(status, 200)
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
    assert.equal((await exchange(port, 'GET', '/', {})).status, 404)
    assert.equal((await exchange(port, 'POST', '/metrics', {})).status, 405)
    assert.equal((await served.send('GET', '/metrics')).status, 404)
  })

  it('are collected once for all who ask at the same time', async () => {
    let times = 0
    const { address, close: closeListener } = await listenForMetrics(
      { host: '127.0.0.1', port: 0 },
      async () => {
        times += 1
        return `times ${times}\n`
      },
    )
    const socket = connect(portOf(address), '127.0.0.1')
    const ask = (more = '') => `GET /metrics HTTP/1.1\r\nHost: x\r\n${more}\r\n`
    // The server reads one packet at once, so all three are there before the first is answered.
    socket.write(`${ask()}${ask()}${ask('Connection: close\r\n')}`)
    assert.equal((await text(socket)).match(/^times 1$/gm)?.length, 3)
    closeListener()
  })

  it('have every metric and label of the dashboard and the alerts, and the dashboard shows all of ours', async () => {
    assert.equal((await served.send('GET', '/livez')).status, 200)
    metrics.beginJob('purge')()
    const collected = await scrape(port)
    const samples = [...samplesOf(collected).keys()]
    const METRIC = /\b((?:http|todo|nodejs|process)_\w+)(?:\{(.*?)\})?/g
    for (const query of [...SHOWN, ...ALERTS.map(({ expr }) => expr)]) {
      for (const [found, name, matchers = ''] of query.matchAll(METRIC)) {
        // Prometheus adds the job. Of a pattern only the label is compared.
        const labels = [...matchers.matchAll(/(\w+=)(~?)"(\w*"?)/g)]
          .filter(([, label]) => label !== 'job=')
          .map(([, label, isPattern, value]) => `${label}"${isPattern ? '' : value}`)
        const isThere = samples.some(
          (sample) =>
            sample.split('{')[0] === name && labels.every((label) => sample.includes(label)),
        )
        assert.ok(isThere, `${found} is not a metric`)
      }
    }
    for (const [, name = ''] of collected.matchAll(/^# HELP ((?:http|todo)_\w+)/gm)) {
      assert.match(SHOWN.join(), new RegExp(`\\b${name}(_bucket|_count)?\\b`), name)
    }
  })
})

describe('the examples for Prometheus', () => {
  const { rule_files, scrape_configs } = parse(readExample('prometheus.yml'))
  const documented = readExample('../docs/operations.md')

  it('collect from METRICS_PORT on this machine, and watch that job', () => {
    assert.deepEqual(rule_files, ['alerts.yml'])
    const [{ job_name: job, static_configs: targets }] = scrape_configs
    assert.deepEqual(targets, [{ targets: ['127.0.0.1:9464'] }])
    for (const { expr } of ALERTS) {
      assert.deepEqual(new Set(expr.match(/job="[^"]*"/g)), new Set([`job="${job}"`]))
    }
  })

  it('are described in docs/operations.md', () => {
    const snippet = /^```yaml\n(rule_files[^`]*)/m.exec(documented)?.[1] ?? ''
    assert.deepEqual(parse(snippet), { rule_files, scrape_configs })
    const described = documented.matchAll(/^\| `(TodoBackend\w+)` \|/gm)
    assert.deepEqual(
      [...described].map(([, name]) => name),
      ALERTS.map(({ alert }) => alert),
    )
  })
})

describe('the metrics of several processes', () => {
  const metricsOf = async (requests: number) => {
    const metrics = new Metrics({
      pool: { load: { connections: 1, size: 2, inProgress: 0, waiting: 0 } },
      signIns: undefined,
      accounts: null,
      hints: { streams: 0 },
    })
    const end = metrics.begin([])
    for (let n = 0; n < requests; n += 1) end()
    return metrics.registry.getMetricsAsJSON()
  }
  const COUNT = 'todo_statement_duration_seconds_count'

  it('are sums, and counters stay when a worker has ended or does not respond', async () => {
    const answers = new Map([
      [1, await metricsOf(2)],
      [2, await metricsOf(3)],
    ])
    const workers = new WorkerMetrics((id, asked) => {
      const metrics = answers.get(id)
      if (metrics !== undefined) workers.receive(id, { asked, metrics })
    }, 1)
    const all = samplesOf(await workers.collect([1, 2]))
    assert.equal(all.get(COUNT), 5)
    assert.equal(all.get('todo_processes'), 2)
    assert.equal(all.get('todo_pool_connections_max'), 4)
    assert.equal(all.get(`todo_build_info{version="${VERSION}",node="${process.version}"}`), 1)

    answers.delete(2)
    const silent = samplesOf(await workers.collect([1, 2]))
    assert.equal(silent.get(COUNT), 5)
    assert.equal(silent.get('todo_processes'), 1)

    workers.forget(2)
    answers.set(3, await metricsOf(1))
    const replaced = samplesOf(await workers.collect([1, 3]))
    assert.equal(replaced.get(COUNT), 6)
    assert.equal(replaced.get('todo_processes'), 2)

    workers.forget(1)
    workers.forget(3)
    for (let scrape = 0; scrape < 2; scrape += 1) {
      const none = samplesOf(await workers.collect([]))
      assert.equal(none.get(COUNT), 6)
      assert.equal(none.get('todo_processes'), undefined)
    }
  })

  it('of a worker that ends during a scrape, after its response, count once', async () => {
    const [first, second] = [await metricsOf(2), await metricsOf(3)]
    const workers = new WorkerMetrics((id, asked) => {
      if (id === 1) workers.receive(1, { asked, metrics: first })
      else {
        workers.forget(1)
        workers.receive(2, { asked, metrics: second })
      }
    })
    for (const serving of [[1, 2], [2]]) {
      const all = samplesOf(await workers.collect(serving))
      assert.equal(all.get(COUNT), 5)
    }
  })

  it('are served by the primary, until it has stopped', async () => {
    const { url, drop } = await emptyPostgres(`template ${process.env.TEST_TEMPLATE}`)
    const server = await serve({
      ...{ DATABASE_URL: url, DATABASE_POOL_MAX: '1', WEB_CONCURRENCY: '2', METRICS_PORT: '0' },
    })
    const output = await server.until(/(serves on port[\s\S]*){2}/)
    const port = portOf(/metrics at (http[^"\s]+)/.exec(output)?.[1] ?? '')
    assert.equal((await exchange(server.port, 'GET', '/livez', {})).status, 200)
    const samples = samplesOf(await scrape(port))
    assert.equal(samples.get('todo_processes'), 2)
    assert.equal(samples.get('http_requests_total{method="GET",route="/livez",status="200"}'), 1)
    assert.equal((await server.kill('SIGTERM')).code, 0)
    await assert.rejects(scrape(port), { code: 'ECONNREFUSED' })
    await drop()
  })
})

describe('METRICS_PORT', () => {
  it('serves the metrics of one process beside its port, until it has stopped', async () => {
    const folder = await embeddedFolder('migrated')
    const server = await serve({ DATABASE_URL: `pglite:${folder}`, METRICS_PORT: '0' })
    const port = portOf(
      /metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)/.exec(server.printed)?.[1] ?? '',
    )
    assert.match(await scrape(port), /^todo_sign_ins_waiting 0$/m)
    for (const job of ['purge', 'vacuum']) {
      const first = `todo_job_duration_seconds_count{name="${job}",outcome="ok"} 1`
      while (!(await scrape(port)).includes(first));
    }
    assert.equal((await exchange(server.port, 'GET', '/metrics', {})).status, 404)
    assert.equal((await server.kill('SIGTERM')).code, 0)
    await assert.rejects(scrape(port), { code: 'ECONNREFUSED' })
  })

  it('in use ends the start with one line that names it', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' ? Number(address?.port) : 0
    const metrics = listenForMetrics({ host: '127.0.0.1', port }, async () => '')
    await assert.rejects(metrics, {
      message: `METRICS_PORT ${port} is in use. Stop the program that uses it, or set METRICS_PORT to another port`,
    })
    other.close()
  })

  it('is not the public port', () => {
    const settings = { BETTER_AUTH_SECRET: SECRET, PORT: '8000', METRICS_PORT: '8000' }
    assert.throws(() => loadConfig(settings), { name: 'ConfigError', message: /^METRICS_PORT is/ })
  })
})
