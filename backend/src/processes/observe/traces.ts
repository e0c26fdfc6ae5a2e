import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context, Span } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../../core/log/logger.ts'
import { VERSION } from '../../core/version.ts'
import type { Observer } from './observer.ts'

/** Spans are sent this often. */
const SEND_MS = 1_000
/** How long one attempt to send may take, and how long a stop waits for the last one. */
const ATTEMPT_MS = 5_000
const LAST_MS = 500

/** They are 17 MB, so the operator installs them. */
const loadPackages = () =>
  Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])

export interface TracesOptions {
  readonly load?: typeof loadPackages
  readonly attemptMs?: number
}

interface Traced {
  readonly span: Span
  readonly context: Context
}

/**
 * Sends a trace of each request to an OpenTelemetry collector: a span of the request, which continues the
 * client's `traceparent` (W3C Trace Context), and below it one of each statement. Spans contain the route, not
 * the path, and the text of statements, not their values.
 *
 * @param url the base address of the collector, as in OTEL_EXPORTER_OTLP_ENDPOINT.
 * @throws {Error} in one line, if the packages are not installed.
 */
export async function openTraces(
  url: string,
  log: Log,
  { load = loadPackages, attemptMs = ATTEMPT_MS }: TracesOptions = {},
): Promise<Observer> {
  const [api, core, resources, sdk, { OTLPTraceExporter }] = await load().catch((cause) => {
    throw new Error(
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages of OpenTelemetry are not installed. Install them as docs/operations.md says, or leave the setting out',
      { cause },
    )
  })
  const address = `${url.replace(/\/$/, '')}/v1/traces`
  const exporter = new OTLPTraceExporter({ url: address, timeoutMillis: attemptMs })
  const processor = new sdk.BatchSpanProcessor({
    exporter: reporting(exporter, log),
    scheduledDelayMillis: SEND_MS,
    exportTimeoutMillis: 2 * attemptMs,
  })
  const service = { 'service.name': 'todo-backend', 'service.version': VERSION }
  const provider = new sdk.TracerProvider({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes(service)),
    spanProcessors: [processor],
  })
  const tracer = provider.getTracer('todo-backend', VERSION)
  const storage = new AsyncLocalStorage<Traced>()
  const requests = new WeakMap<FastifyRequest, Traced>()

  function begin({ method, headers, routeOptions, id }: FastifyRequest): Traced {
    const { traceparent } = headers
    const remote = typeof traceparent === 'string' ? core.parseTraceParent(traceparent) : null
    const parent =
      remote === null
        ? api.ROOT_CONTEXT
        : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...remote, isRemote: true })
    const { url: route } = routeOptions
    const attributes = {
      ...{ 'http.request.method': method, 'todo.request_id': id },
      ...(route !== undefined && { 'http.route': route }),
    }
    const kind = api.SpanKind.SERVER
    const span = tracer.startSpan(`${method} ${route ?? ''}`.trim(), { kind, attributes }, parent)
    return { span, context: api.trace.setSpan(parent, span) }
  }

  function end(request: FastifyRequest, reply: FastifyReply | undefined): void {
    const span = requests.get(request)?.span
    requests.delete(request)
    if (span === undefined) return
    if (reply !== undefined) span.setAttribute('http.response.status_code', reply.statusCode)
    const problem = request.refusal?.problem
    if (problem !== undefined) span.setAttribute('error.type', problem)
    const failed = reply === undefined || reply.statusCode >= 500
    if (failed) span.setStatus({ code: api.SpanStatusCode.ERROR })
    span.end()
  }

  return {
    watch(app: FastifyInstance) {
      app.addHook('onRequest', (request, _reply, done) => {
        const traced = begin(request)
        requests.set(request, traced)
        storage.run(traced, done)
      })
      // The body arrives in events of the socket, which do not belong to the request.
      app.addHook('preHandler', (request, _reply, done) => {
        const traced = requests.get(request)
        if (traced === undefined) return done()
        storage.run(traced, done)
      })
      app.addHook('onResponse', (request, reply, done) => {
        end(request, reply)
        done()
      })
      app.addHook('onRequestAbort', (request, done) => {
        end(request, undefined)
        done()
      })
      app.addHook('onClose', async () => {
        await Promise.race([
          provider.shutdown().catch(() => undefined),
          sleep(LAST_MS, undefined, { ref: false }),
        ])
      })
    },
    begin(asked) {
      const parent = storage.getStore()?.context
      if (parent === undefined) return () => {}
      const statements = 'sql' in asked ? [asked] : asked
      const spans = statements.map(({ sql }) =>
        tracer.startSpan(
          sql.name,
          {
            kind: api.SpanKind.CLIENT,
            attributes: { 'db.system.name': 'postgresql', 'db.query.text': sql.text },
          },
          parent,
        ),
      )
      return (error) => {
        for (const span of spans) {
          if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR })
          span.end()
        }
      }
    },
  }
}

/** Logs once that the collector does not receive spans, and once that it does again. */
function reporting(exporter: SpanExporter, log: Log): SpanExporter {
  let failing = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { error } = result
        if (error !== undefined && !failing) {
          log.warn(
            `Traces are lost: the collector of OTEL_EXPORTER_OTLP_ENDPOINT: ${error.message}`,
          )
        } else if (error === undefined && failing) log.info('The collector receives traces again')
        failing = error !== undefined
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}
