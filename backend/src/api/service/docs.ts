import swagger, { type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { answers } from '../../schemas/problem.ts'
import { once, PARTS } from './docs-page.ts'

export const NAME = 'Todo Backend'

/**
 * Collects the routes registered after it into the OpenAPI document.
 *
 * @param schemas those that routes refer to by their `$id`.
 */
export async function describeApi(app: FastifyInstance, schemas: readonly object[]): Promise<void> {
  for (const schema of schemas) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: NAME,
        version: '1',
        description:
          'Tasks of many users, kept apart by the database itself. Send the token in `Authorization: Bearer`; the user id in the path must be the token’s.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'tasks', description: 'The tasks of one user' },
        { name: 'accounts', description: 'Better Auth: who signs up and in, and gets a token' },
        { name: 'health', description: 'For whoever runs the server' },
        { name: 'service', description: 'This document, and where to find it' },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'For the tasks: what GET /api/auth/token answers, or a token from elsewhere',
          },
          session: {
            type: 'http',
            scheme: 'bearer',
            description: 'The `token` of a sign-up or sign-in, for /api/auth alone',
          },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: 'better-auth.session_token',
            description: 'Set by a sign-up or sign-in; on https its name begins with __Secure-',
          },
        },
      },
    },
    transformObject: markOptionalBodies,
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `def-${index}`),
    },
  })
}

/** The plugin calls every body required; an operation whose schema says so works without one. */
const markOptionalBodies: SwaggerTransformObject = (document) => {
  if (!('openapiObject' in document)) return document.swaggerObject
  for (const path of Object.values(document.openapiObject.paths ?? {})) {
    const { requestBody, ...operation } = path?.patch ?? path?.post ?? {}
    if (requestBody && 'required' in requestBody && 'x-optional-body' in operation) {
      requestBody.required = false
    }
  }
  return document.openapiObject
}

/** The page runs and loads what this server sends, and nothing that is written into it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PUBLIC = { access: 'public' } as const

/** The document, a page to read and try it, and the way to both. All of it from this server alone. */
export const docs: FastifyPluginAsync = async (app) => {
  const links = { docs: '/docs', openapi: '/openapi.json', health: '/health' }
  const home = {
    tags: ['service'],
    operationId: 'home',
    summary: 'Name and links',
    response: answers({
      200: {
        description: 'Where to go from here',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                name: { type: 'string' },
                links: { type: 'object', additionalProperties: { type: 'string' } },
              },
            },
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
  app.get(
    '/',
    { schema: home, config: PUBLIC },
    json(() => ({ name: NAME, links })),
  )

  const document = {
    tags: ['service'],
    operationId: 'openapi',
    summary: 'This document (OpenAPI 3.1)',
    response: answers({
      200: {
        description: 'OpenAPI 3.1',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    }),
  }
  app.get(
    '/openapi.json',
    { schema: document, config: PUBLIC },
    json(() => app.swagger()),
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
