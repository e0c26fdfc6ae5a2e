import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { ERRORS, type ErrorCode } from '../../core/errors.ts'
import { PROBLEM_RESPONSES } from '../../schemas/problem.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** The problems that the operation can respond with. */
    'x-problems'?: readonly ErrorCode[]
  }
}

export const NAME = 'Todo Backend'

/** Before the resources, so that a reader begins with the sign-up. */
const FIRST_TAGS = [
  { name: 'accounts', description: 'Sign-up, sign-in, sessions and tokens, by Better Auth' },
]
const LAST_TAGS = [
  { name: 'health', description: 'Health checks for the operator' },
  { name: 'service', description: 'This document, and links to it' },
]
/**
 * The tags of routes that are not a resource. A resource of a user is its own tag, which the document
 * gets from its operations.
 */
const TAGS = [...FIRST_TAGS, ...LAST_TAGS]

/**
 * Collects the routes registered after it into the OpenAPI document, with the schemas that their plugins
 * have added.
 *
 * @param schemas those that stand behind the schemas of the plugins.
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
          'A task API for many users. Create an account, get a token for tasks with the session, and send it in `Authorization: Bearer`. The user id in the path must be the user of the token; `me` stands for that user. PostgreSQL row-level security enforces that users only reach their own tasks.',
        contact: { name: 'The operator of this server' },
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: app.basePath || '/', description: 'This server' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'For tasks: the token of GET /api/auth/token, or a token of the issuer that the operator has configured',
          },
          session: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'session token',
            description: 'For /api/auth only: the `token` of a sign-up or sign-in',
          },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: 'better-auth.session_token',
            description:
              'For /api/auth only: a sign-up or sign-in sets it. On https its name begins with __Secure-',
          },
        },
      },
    },
    transform: describeOperation,
    transformObject: (document) => completeDocument(document, Object.keys(app.getSchemas())),
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `def-${index}`),
    },
  })
}

/** A private route takes the token for tasks. A body with a name is referred to by that name. */
const describeOperation: SwaggerTransform = ({ schema, url, route }) => {
  const { body } = schema
  const name = (body as { $id?: string } | undefined)?.$id // our own schema
  const security = schema.security ?? (route.config?.access === 'public' ? [] : [{ token: [] }])
  return { schema: { ...schema, security, ...(name && { body: { $ref: `${name}#` } }) }, url }
}

/** The parts of the plugin's operation object that `completeDocument` changes. */
interface Operation {
  readonly tags?: readonly string[]
  readonly requestBody?: {
    required?: boolean
    readonly content: Record<string, { readonly schema: { $ref?: string }; example?: unknown }>
  }
  readonly responses: Record<string, object>
  'x-problems'?: readonly ErrorCode[]
  'x-optional-body'?: boolean
}

/**
 * Refers to problems by their code, so that each is in the document once. Describes the tags of
 * resources. Completes what the plugin says of bodies: it calls each of them required, and drops the
 * example of a named one.
 */
function completeDocument(
  document: Parameters<SwaggerTransformObject>[0],
  last: readonly string[],
): ReturnType<SwaggerTransformObject> {
  if (!('openapiObject' in document)) return document.swaggerObject
  const { paths = {}, components = {} } = document.openapiObject
  const schemas = components.schemas as Record<string, { examples?: unknown[] }> // our own schema
  const methods = Object.values(paths).flatMap((path) => Object.values(path ?? {}))
  const problems = new Set<ErrorCode>()
  const resources = new Set<string>()
  for (const operation of methods as Operation[]) {
    for (const tag of operation.tags ?? []) {
      if (!TAGS.some(({ name }) => name === tag)) resources.add(tag)
    }
    for (const code of operation['x-problems'] ?? []) {
      problems.add(code)
      operation.responses[ERRORS[code].status] = { $ref: `#/components/responses/${code}` }
    }
    if (operation.requestBody && operation['x-optional-body']) {
      operation.requestBody.required = false
    }
    for (const media of Object.values(operation.requestBody?.content ?? {})) {
      const name = media.schema.$ref?.split('/').at(-1)
      if (name) media.example = schemas[name]?.examples?.[0]
    }
    delete operation['x-problems']
    delete operation['x-optional-body']
  }
  const used = Object.entries(PROBLEM_RESPONSES).filter(([code]) => problems.has(code as ErrorCode))
  components.responses = Object.fromEntries(used)
  components.schemas = Object.fromEntries(
    Object.entries(schemas).sort(([one], [other]) => last.indexOf(one) - last.indexOf(other)),
  )
  document.openapiObject.tags = [
    ...FIRST_TAGS,
    ...[...resources].map((name) => ({ name, description: `The ${name} of one user` })),
    ...LAST_TAGS,
  ]
  return document.openapiObject
}
