import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { tokenTimes } from '../../http/identity/token-times.ts'
import { prefers, varyBy } from '../../http/protocol/accept.ts'
import { eachChange, listChanges } from '../../models/changes/changes.ts'
import { type Position, readToken, TOKEN } from '../../models/changes/token.ts'
import { Change, Changes } from '../../schemas/changes/changes.ts'
import { operations } from './operations.ts'
import { STREAM_HEADERS } from './stream.ts'
import { Streams, type StreamsOptions } from './streams.ts'

const DEFAULT_LIMIT = 500
const IS_TOKEN = new RegExp(TOKEN)

/** The feed of a user's changes (contract §1), under `/api/:user_id/tasks/changes`. */
export const changes: FastifyPluginAsyncJsonSchemaToTs<{
  Options: StreamsOptions
}> = async (app, options) => {
  for (const schema of [Change, Changes]) app.addSchema(schema)
  const streams = new Streams(options)
  const { streamChanges } = options.limits
  app.addHook('preClose', async () => streams.close())

  app.get('', { schema: operations.list, config: { access: 'owner' } }, async (request, reply) => {
    varyBy(reply, 'Accept')
    const { since, limit = DEFAULT_LIMIT } = request.query
    const position = since === undefined ? undefined : readToken(since)
    if (asksForStream(request)) return stream(request, reply, lastEventOf(request) ?? position)
    const { changes, token, more } = pageOf(await request.asUser(listChanges(position, limit)))
    return reply
      .type('application/json')
      .send(`{"changes":[${changes}],"token":"${token}","more":${more}}`)
  })

  /** Errors are problems until the first page has been read. */
  async function stream(
    request: FastifyRequest,
    reply: FastifyReply,
    position: Position | undefined,
  ): Promise<FastifyReply> {
    const { raw } = reply
    const times = tokenTimes(request)
    const opened = request.method === 'HEAD' ? undefined : streams.open(request.userId, times, raw)
    const page = pageOf(await request.asUser(eachChange(position, streamChanges)))
    reply.hijack()
    const headers = { ...reply.getHeaders(), ...STREAM_HEADERS } as OutgoingHttpHeaders // of any name
    if (opened === undefined) raw.writeHead(200, headers).end()
    else streams.begin(opened, request.userId, headers, page)
    return reply
  }
}

function asksForStream({ headers }: FastifyRequest): boolean {
  return prefers(headers.accept, 'text/event-stream', 'application/json')
}

/** `Last-Event-ID`, which a client sends when it reconnects with the address that it first opened. */
function lastEventOf({ headers }: FastifyRequest): Position | undefined {
  const id = headers['last-event-id']
  if (id === undefined) return undefined
  if (typeof id === 'string' && IS_TOKEN.test(id)) return readToken(id)
  const message = 'must be the id of an earlier event'
  throw new AppError('validation_error', {
    detail: `Last-Event-ID ${message}`,
    errors: [{ in: 'header', path: '/last-event-id', message }],
  })
}

/** @throws {AppError} `sync_expired` */
function pageOf<Page>(
  result: { readonly outcome: 'page'; readonly page: Page } | { readonly outcome: 'expired' },
): Page {
  if (result.outcome === 'expired') throw new AppError('sync_expired')
  return result.page
}
