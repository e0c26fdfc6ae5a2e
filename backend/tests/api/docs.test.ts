import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { Ajv2020 as Ajv } from 'ajv/dist/2020.js'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { ACCOUNT_OPERATIONS } from '../../src/api/accounts/operations.ts'
import { PARTS } from '../../src/api/service/docs-page.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { auth, BEHIND_PROXY, signUp } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'

const template = (path: string) => `/api/auth${path.replace(/:(\w+)/, '{$1}')}`
const SESSIONS: unknown[] = ACCOUNT_OPERATIONS.flatMap(({ session, id }) => (session ? id : []))

const COMMITTED = new URL(
  '../../../specs/001-backend-spec-manager/contracts/openapi.json',
  import.meta.url,
)

interface Response {
  description: string
  content?: Record<string, object>
}

interface Parameter {
  name: string
  in: string
  required: boolean
  example?: unknown
  schema?: { default?: unknown }
}

interface Schema {
  properties: object
  required?: string[]
}

interface Operation {
  operationId?: string
  summary?: string
  description?: string
  security?: object[]
  responses: Record<string, Response | { $ref: string }>
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { example?: unknown }> }
}

describe('the OpenAPI document', () => {
  let test: TestApp
  let document: {
    openapi: string
    paths: Record<string, Record<string, Operation>>
    tags: { name: string }[]
    components: {
      securitySchemes: Record<string, { bearerFormat?: string; in?: string }>
      responses: Record<string, Response>
      schemas: Record<string, { enum?: string[]; properties: Record<string, { enum?: string[] }> }>
    }
  }
  let operations: [string, Operation][]
  const routes: RouteOptions[] = []
  before(async () => {
    const watch = (app: FastifyInstance) => {
      app.addHook('onRoute', (route) => {
        routes.push(route)
      })
    }
    test = await startApp('postgres', BEHIND_PROXY, undefined, {}, { watch })
    document = (await test.send('GET', '/openapi.json')).json
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    )
  })
  after(() => test.close())

  const firstTag = () => document.tags[0]?.name
  /** The response of an operation, by the status or through its reference. */
  const responseOf = ({ responses }: Operation, status: number | string): Response | undefined => {
    const response = responses[status]
    if (response === undefined || !('$ref' in response)) return response
    const [, code = ''] = /^#\/components\/responses\/(\w+)$/.exec(response.$ref) ?? []
    return document.components.responses[code]
  }

  it('is OpenAPI 3.1, and the one committed under specs/', async () => {
    assert.equal(document.openapi, '3.1.0')
    assert.deepEqual(document, JSON.parse(await readFile(COMMITTED, 'utf8')))
  })

  it('has every route that is not hidden, and no other', () => {
    // OpenAPI needs no word for the HEAD of a GET.
    const served = routes.flatMap(({ method, url, schema }) =>
      schema?.hide || method === 'HEAD'
        ? []
        : [method].flat().map((each) => `${each} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
    )
    const names = operations.map(([name]) => name)
    assert.deepEqual(names.sort(), served.sort())
    assert.ok(names.includes('POST /api/{user_id}/tasks'))
    assert.ok(ACCOUNT_OPERATIONS.length > 20)
    for (const { method, path } of ACCOUNT_OPERATIONS) {
      assert.ok(names.includes(`${method} ${template(path)}`), path)
    }
  })

  it('gives each operation an id, a summary, a description and examples, and a token to private ones', () => {
    const ids = operations.map(([, { operationId }]) => operationId)
    assert.equal(new Set(ids).size, operations.length)
    for (const [name, operation] of operations) {
      assert.ok(operation.operationId && operation.summary && operation.description, name)
      const withSession = SESSIONS.includes(operation.operationId)
      assert.equal(
        (operation.security ?? []).length > 0,
        name.includes('{user_id}') || withSession,
        name,
      )
      for (const { example } of Object.values(operation.requestBody?.content ?? {})) {
        assert.ok(example, name)
      }
    }
  })

  it('names every code of the table, with the status of the table', () => {
    const told = new Map<string, string>()
    for (const [name, operation] of operations) {
      for (const status of Object.keys(operation.responses)) {
        const code = /^`([a-z_]+)`/.exec(responseOf(operation, status)?.description ?? '')?.[1]
        assert.equal(code !== undefined, Number(status) >= 400, `${name}: ${status}`)
        if (code) told.set(code, status)
      }
    }
    for (const [code, status] of told) {
      assert.equal(String(ERRORS[code as keyof typeof ERRORS].status), status)
    }
    // These come before any operation is known.
    const elsewhere = ['method_not_allowed', 'request_timeout', 'headers_too_large']
    assert.deepEqual([...told.keys(), ...elsewhere].sort(), Object.keys(ERRORS).sort())
    assert.deepEqual(Object.keys(document.components.responses).sort(), [...told.keys()].sort())
    assert.deepEqual(
      document.components.schemas.Problem?.properties.error?.enum,
      Object.keys(ERRORS),
    )
  })

  it('describes each answer the server gives to its own examples', async () => {
    const { id } = (await test.send('POST', '/api/alice/tasks', { body: { title: 'x' } })).json
    for (const [name, operation] of operations.filter(([name]) => !name.includes('/api/auth/'))) {
      const [method = '', template = ''] = name.split(' ')
      const path = template.replace('{user_id}', 'alice').replace('{id}', id)
      const body = Object.values(operation.requestBody?.content ?? {})[0]?.example
      const answer = await test.send(method, path, body === undefined ? {} : { body })
      assert.ok(answer.status < 300, `${name}: ${answer.status} ${answer.text}`)
      const response = responseOf(operation, answer.status)
      assert.ok(response, `${name}: ${answer.status}`)
      const type = String(answer.headers['content-type']).split(';')[0] ?? ''
      if (answer.text !== '') assert.ok(response.content?.[type], `${name}: ${type}`)
      const refused = await test.send(method, path, {
        as: template.includes('{') ? 'bob' : null,
        body,
      })
      if (template.includes('{'))
        assert.ok(responseOf(operation, refused.status), `${name}: ${refused.status}`)
      if (method === 'DELETE') return
    }
  })

  it('describes each answer of the accounts to its own examples, with and without a session', async () => {
    const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(document, 'document')
    const seen = new Set<string | undefined>()
    for (const [name, operation] of operations) {
      const [method = '', path = ''] = name.split(' /api/auth')
      if (path === '') continue
      const { session } = await signUp(test, `${operation.operationId}@example.com`)
      const body = Object.values(operation.requestBody?.content ?? {})[0]?.example
      for (const sending of [{ body, session }, { body }]) {
        const url = path.replace(/\{\w+\}/, 'x').replace('/verify-email', '/verify-email?token=x')
        const answer = await auth(test, method, url, sending)
        const response = responseOf(operation, answer.status)
        assert.ok(response, `${name}: ${answer.status} ${answer.text}`)
        const type = String(answer.headers['content-type']).split(';')[0] ?? ''
        if (answer.text !== '') assert.ok(response.content?.[type], `${name}: ${type}`)
        if (answer.status !== 200) continue
        const at = ['paths', `/api/auth${path}`, method.toLowerCase(), 'responses', '200']
        const pointer = [...at, 'content', type, 'schema'].map((part) =>
          part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B'),
        )
        const matches = ajv.validate({ $ref: `document#/${pointer.join('/')}` }, answer.json)
        assert.ok(matches, `${name}: ${ajv.errorsText()} ${answer.text}`)
        seen.add(operation.operationId)
      }
    }
    assert.ok(seen.size >= 12, [...seen].join())
  })

  it('is shown by a page that needs this server alone', async () => {
    const page = await test.send('GET', '/docs')
    assert.equal(page.status, 200)
    assert.match(String(page.headers['content-type']), /^text\/html/)
    assert.match(
      String(page.headers['content-security-policy']),
      /default-src 'none'.*connect-src 'self'/,
    )
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path))
    assert.ok(parts.length >= 4)
    for (const part of parts) {
      assert.ok(!/^(https?:)?\/\//.test(part), part)
      const url = new URL(part, 'http://x/docs')
      assert.equal((await test.send('GET', url.pathname)).status, 200, part)
    }
  })
  it('404 for every path below the page that it does not load', async () => {
    for (const path of [
      ...[
        '/docs//',
        '/docs/json',
        '/docs/yaml',
        '/docs/index.html',
        '/docs/static',
        '/docs/static/',
      ],
      ...['/docs/static/index.html', '/docs/static/swagger-ui.js', '/docs/static/csp.json'],
      ...[
        '/docs/static/favicon.ico',
        '/docs/static/oauth2-redirect.html',
        '/docs/static/nothing.js',
      ],
      ...[
        '/docs/static/../package.json',
        '/docs/static/..%2findex.js',
        '/docs/static/%2e%2e/index.js',
      ],
    ]) {
      const answer = await test.send('GET', path)
      assert.deepEqual([answer.status, answer.json.error], [404, 'not_found'], path)
    }
  })

  it('and each of its parts has its type, a policy without inline scripts, and its length', async () => {
    for (const { path, type } of PARTS) {
      const [whole, head] = [await test.send('GET', path), await test.send('HEAD', path)]
      for (const { status, headers } of [whole, head]) {
        assert.deepEqual([status, headers['content-type']], [200, type], path)
        assert.match(String(headers['content-security-policy']), /script-src 'self';/)
        assert.ok(Number(headers['content-length']) > 0, path)
      }
      assert.equal(head.text, '')
      assert.ok(path !== '/docs' || !/<script>|onload=/.test(whole.text))
    }
    const { text } = await test.send('GET', '/docs/static/page.js')
    for (const option of ['displayRequestDuration', 'tryItOutEnabled']) {
      assert.ok(text.includes(`${option}: true`), option)
    }
  })

  it('/docs/ redirects to /docs, below any prefix', async () => {
    const { status, headers } = await test.send('GET', '/docs/')
    assert.deepEqual([status, headers.location], [308, '../docs'])
  })

  it('reads from the sign-up on, and fills in nothing that is optional', () => {
    const [first = '', operation] =
      operations.find(([, { tags }]) => tags?.[0] === firstTag()) ?? []
    assert.deepEqual([first, operation?.operationId], ['POST /api/auth/sign-up/email', 'signUp'])
    for (const [name, { parameters = [] }] of operations) {
      for (const { in: place, required, schema, ...parameter } of parameters) {
        const filled = parameter.example ?? schema?.default
        if (!required) assert.equal(filled, undefined, `${name}: ${place} ${parameter.name}`)
        if (parameter.name === 'user_id') assert.equal(filled, 'me')
      }
    }
  })

  it('tells the session token and the token for tasks apart', () => {
    const { token, session, cookie } = document.components.securitySchemes
    assert.deepEqual([token?.bearerFormat, session?.bearerFormat], ['JWT', 'session token'])
    assert.equal(cookie?.in, 'cookie')
    for (const [name, { security, operationId }] of operations) {
      const schemes = new Set((security ?? []).flatMap((required) => Object.keys(required)))
      const expected = name.includes('{user_id}') ? ['token'] : ['session', 'cookie']
      const isOpen = !name.includes('{user_id}') && !SESSIONS.includes(operationId)
      assert.deepEqual([...schemes], isOpen ? [] : expected, name)
    }
  })

  it('says of each response which members are required', () => {
    const objects = (schema: unknown): Schema[] => {
      if (typeof schema !== 'object' || schema === null) return []
      const inner = Object.values(schema).flatMap(objects)
      return 'properties' in schema ? [schema as Schema, ...inner] : inner
    }
    const { Account, Session, Task } = document.components.schemas
    for (const [name, { responses }] of [
      ...operations.map(([name, { responses }]): [string, object] => [name, { responses }]),
      ['the schemas', { responses: { Account, Session, Task } }] as const,
    ] as [string, { responses: object }][]) {
      for (const { properties, required = [] } of objects(responses)) {
        const optional = Object.keys(properties).filter((member) => !required.includes(member))
        assert.deepEqual(optional, name.endsWith('/sign-in/email') ? ['url'] : [], name)
      }
    }
  })
})
