import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { PipelinedPool } from '../src/database/pipeline/pool.ts'
import { observed } from '../src/processes/observe/observer.ts'
import { openTraces } from '../src/processes/observe/traces.ts'
import { NO_DATABASE, serve } from './support/app.ts'
import { openTestDatabase, type TestDatabase } from './support/databases.ts'
import { endWithTest } from './support/started.ts'

interface Received {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
}

/** A collector that keeps the spans it receives. */
async function startCollector() {
  const spans: Received[] = []
  const arrived = new EventEmitter()
  let service = ''
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString())
    service = JSON.stringify(resourceSpans[0].resource.attributes)
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans: some } of scopeSpans) spans.push(...some)
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    arrived.emit('spans')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = endWithTest('collector', () => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  /** The span of this name, as soon as it has arrived. */
  const spanOf = async (name: string): Promise<Received> => {
    for (;;) {
      const found = spans.find((span) => span.name === name)
      if (found !== undefined) return found
      await once(arrived, 'spans')
    }
  }
  return { url: `http://127.0.0.1:${port}`, spans, spanOf, service: () => service, close }
}

function logger() {
  const lines: string[] = []
  const wrote = new EventEmitter()
  const write = (line: string) => {
    lines.push(line)
    wrote.emit('line')
  }
  return { log: pino({}, { write }), lines, wrote }
}

const attributeOf = ({ attributes }: Received, name: string) =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0]

describe('traces', () => {
  let test: TestDatabase
  let collector: Awaited<ReturnType<typeof startCollector>>
  let served: Awaited<ReturnType<typeof serve>>

  before(async () => {
    test = await openTestDatabase('postgres')
    collector = await startCollector()
    const traces = await openTraces(collector.url, logger().log)
    const database = observed(new PipelinedPool(test.connector), traces)
    served = await serve(database, {}, { connector: test.connector, watch: traces.watch })
  })
  after(async () => {
    await served.close()
    await collector.close()
    await test.close()
  })

  it('have a span of the request, which continues traceparent, and one of its statement', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`
    const body = { title: 'a secret' }
    const sending = { body, headers: { traceparent } }
    assert.equal((await served.send('POST', '/api/alice/tasks', sending)).status, 201)
    const request = await collector.spanOf('POST /api/:user_id/tasks')
    assert.deepEqual([request.traceId, request.parentSpanId], [traceId, 'b7ad6b7169203331'])
    assert.equal(attributeOf(request, 'http.route'), '/api/:user_id/tasks')
    assert.equal(Number(attributeOf(request, 'http.response.status_code')), 201)
    const statement = collector.spans.find(({ parentSpanId }) => parentSpanId === request.spanId)
    assert.match(String(statement?.name), /^todo_[0-9a-f]{16}$/)
    assert.equal(statement?.traceId, traceId)
    assert.match(
      String(statement && attributeOf(statement, 'db.query.text')),
      /insert into todo\.tasks/,
    )
    assert.match(collector.service(), /"service\.name".*"todo-backend"/)
    assert.doesNotMatch(JSON.stringify(collector.spans), /alice|a secret/)
  })

  it('begin with the request without a valid traceparent, and have its problem', async () => {
    const headers = { traceparent: '00-nonsense-01' }
    assert.equal((await served.send('GET', '/api/alice/tasks', { as: null, headers })).status, 401)
    const request = await collector.spanOf('GET /api/:user_id/tasks')
    assert.equal(request.parentSpanId ?? '', '')
    assert.equal(attributeOf(request, 'error.type'), 'unauthorized')
    assert.notEqual(request.status.code, 2)
  })

  it('are sent at the latest when the server stops', async () => {
    const traces = await openTraces(collector.url, logger().log)
    const stopped = await serve(NO_DATABASE, {}, { watch: traces.watch })
    assert.equal((await stopped.send('GET', '/livez')).status, 200)
    await stopped.close()
    assert.ok(collector.spans.some(({ name }) => name === 'GET /livez'))
  })

  it('cost one line if the collector is unreachable, and no request', async () => {
    const { log, lines, wrote } = logger()
    const { url, close } = await startCollector()
    await close()
    const traces = await openTraces(url, log, { attemptMs: 50 })
    const alone = await serve(NO_DATABASE, {}, { watch: traces.watch })
    const reported = once(wrote, 'line')
    assert.equal((await alone.send('GET', '/livez')).status, 200)
    await reported
    assert.equal((await alone.send('GET', '/livez')).status, 200)
    await alone.close()
    assert.equal(lines.length, 1)
    assert.match(String(lines[0]), /Traces are lost: the collector of OTEL_EXPORTER_OTLP_ENDPOINT/)
  })

  it('are documented with the versions of the packages that these tests use', () => {
    const root = new URL('../../', import.meta.url)
    const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
    const text = readFileSync(new URL('docs/operations.md', root), 'utf8')
    const documented = text.match(/@opentelemetry\/[\w-]+@[\d.]+/g) ?? []
    assert.equal(documented.length, 4)
    for (const one of documented) {
      const at = one.lastIndexOf('@')
      assert.equal(devDependencies[one.slice(0, at)], one.slice(at + 1), one)
    }
  })

  it('end the start with one line if the packages are not installed', async () => {
    const missing = () => Promise.reject(new Error('ERR_MODULE_NOT_FOUND'))
    await assert.rejects(openTraces(collector.url, logger().log, { load: missing }), {
      message:
        /^OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages .* are not installed\. Install/,
    })
  })
})
