import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { prefers, varyBy } from '../../http/protocol/accept.ts'
import { object } from '../../schemas/object.ts'
import { responses } from '../../schemas/problem.ts'
import { once, PARTS } from './docs-page.ts'
import { NAME } from './openapi.ts'

/** The page may run and load only files of this server, and no inline scripts. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PUBLIC = { access: 'public' } as const

export interface DocsOptions {
  /** Sends the web page for the home resource; undefined where the server has none. */
  readonly sendPage: ((request: FastifyRequest, reply: FastifyReply) => FastifyReply) | undefined
}

/** Serves the OpenAPI document, a page that shows it, and links. The page loads only from this server. */
export const docs: FastifyPluginAsync<DocsOptions> = async (app, { sendPage }) => {
  const { basePath } = app
  const links = {
    docs: `${basePath}/docs`,
    openapi: `${basePath}/openapi.json`,
    health: `${basePath}/health`,
  }
  const home = {
    tags: ['service'],
    operationId: 'home',
    summary: 'Get the name of the service and its links',
    description:
      'Returns the paths of the documentation page, this document and the health check. A client that prefers `text/html` gets the web page, if the server has it.',
    ...responses({
      200: {
        description: 'The name and the links',
        content: {
          'application/json': {
            schema: object({
              name: { type: 'string' },
              links: { type: 'object', additionalProperties: { type: 'string' } },
            }),
            example: { name: NAME, links },
          },
        },
      },
    }),
  }
  const json = (make: () => unknown) => {
    const bytes = once(async () => Buffer.from(JSON.stringify(make())))
    return async (_request: FastifyRequest, reply: FastifyReply) =>
      reply.type('application/json; charset=utf-8').send(await bytes())
  }
  const sendLinks = json(() => ({ name: NAME, links }))
  app.get('/', { schema: home, config: PUBLIC }, async (request, reply) => {
    if (sendPage === undefined) return sendLinks(request, reply)
    varyBy(reply, 'Accept')
    const { accept } = request.headers
    if (prefers(accept, 'text/html', 'application/json')) return sendPage(request, reply)
    return sendLinks(request, reply)
  })

  const document = {
    tags: ['service'],
    operationId: 'openapi',
    summary: 'Get this document',
    description: 'Returns the description of this API in OpenAPI 3.1.',
    ...responses({
      200: {
        description: 'The OpenAPI document',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    }),
  }
  app.get(
    '/openapi.json',
    { schema: document, config: PUBLIC },
    json(() => app.swagger()),
  )

  // Relative, as the addresses in the page are.
  app.get('/docs/', { schema: { hide: true }, config: PUBLIC }, async (_request, reply) =>
    reply.redirect('../docs', 308),
  )
  for (const { path, type, bytes } of PARTS) {
    app.get(path, { schema: { hide: true }, config: PUBLIC }, async (_request, reply) =>
      reply
        .header('content-security-policy', CONTENT_SECURITY_POLICY)
        .type(type)
        .send(await bytes()),
    )
  }
}
