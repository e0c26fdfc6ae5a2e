import { Ajv, type ErrorObject, type FuncKeywordDefinition, type ValidateFunction } from 'ajv'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { isInstant, toMicroseconds } from '../../core/calendar.ts'
import { AppError, type Fault } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { isDeeper, trimExcess } from './excess.ts'
import { type Asked, addKeywords } from './keywords.ts'
import { addMemberKeywords } from './member-keywords.ts'
import { messageOf } from './messages.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** The client may omit the body. */
    'x-optional-body'?: boolean
  }
  interface FastifyContextConfig {
    /** How deep objects and arrays may be nested in a body; the default is `bodyLevels` of the limits. */
    bodyLevels?: number
  }
}

/** The result of {@link parseQuery} for invalid percent-encoding. */
const MALFORMED: Record<string, string> = Object.freeze({})

/** The values as text. A repeated name has an array. */
export type RawQuery = Record<string, string | string[]>

/**
 * Decodes a query string once.
 *
 * @returns {@link MALFORMED} for invalid percent-encoding. The router cannot send errors, so validation does.
 */
export function parseQuery(text: string): RawQuery {
  const query: RawQuery = Object.create(null)
  if (text === '') return query
  try {
    for (const pair of text.split('&')) {
      if (pair === '') continue
      const end = pair.indexOf('=')
      const key = decode(end === -1 ? pair : pair.slice(0, end))
      const value = decode(end === -1 ? '' : pair.slice(end + 1))
      const before = query[key]
      if (Array.isArray(before)) before.push(value)
      else query[key] = before === undefined ? value : [before, value]
    }
  } catch {
    return MALFORMED
  }
  return query
}

/** @throws {URIError} */
function decode(text: string): string {
  return /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text
}

/**
 * Compiles the schemas. It keeps the result of each one, so that another server of the same process does not compile
 * it again. `verbose` puts the schema into each error, and `passContext` the request into `this` of keywords. With
 * `discriminator`, one of several schemas is selected by a member, and only its errors are reported.
 */
const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: true,
  allowUnionTypes: true,
  passContext: true,
  discriminator: true,
})
ajv.addFormat('uuid', true).addFormat('date-time', true)
ajv.addFormat('instant', (text: string) => isInstant(toMicroseconds(text)))
addKeywords(ajv)
addMemberKeywords(ajv)

/**
 * Validates the body and the query of every route that has schemas for them, before its handler. One 422
 * reports all validation errors: it names the first ones and counts the others. Types are not coerced, except
 * that query values are parsed as the integers and booleans of the schema, in canonical spelling.
 *
 * @param keywords those of the schemas of one resource. Their names begin with `x-`, and their errors have messages.
 */
export function validateStrictly(
  app: FastifyInstance,
  keywords: readonly FuncKeywordDefinition[],
): void {
  // Another server of the same process has perhaps added them.
  for (const keyword of keywords) {
    if (!ajv.getKeyword(String(keyword.keyword))) ajv.addKeyword(keyword)
  }
  app.addHook('onRoute', (route) => {
    // On each route, because a plugin that adds a schema does not inherit the compilers of the server.
    // Fastify's validation stops at the first invalid part of a request.
    route.validatorCompiler = () => () => true
    // Response schemas are only for the OpenAPI document. They do not filter responses.
    route.serializerCompiler = () => JSON.stringify
    const check = compile(route.schema ?? {}, route.config?.bodyLevels ?? LIMITS.bodyLevels)
    if (check !== undefined) route.preValidation = [route.preValidation ?? [], check].flat()
  })
}

function compile({ querystring, body, ...schema }: FastifySchema, levels: number) {
  if (querystring === undefined && body === undefined) return undefined
  let checkQuery: ValidateFunction | undefined
  let checkBody: ValidateFunction | undefined
  const check = (request: Checked): AppError | undefined => {
    if (request.query === MALFORMED) {
      return new AppError('bad_request', { detail: 'The query string has bad percent-encoding' })
    }
    // With the first request of a route: all schemas together took a quarter of the CPU time of a start.
    if (querystring) checkQuery ??= ajv.compile(querystring)
    if (body) checkBody ??= ajv.compile(body)
    const found: Faults = { errors: [], further: 0 }
    if (checkQuery) {
      request.query = readQuery(request.query as RawQuery, checkQuery.schema) // set by parseQuery
      addFaults(found, 'query', checkQuery, request.query, request)
    }
    if (!checkBody || (schema['x-optional-body'] && request.body === undefined)) {
      return refusal(found)
    }
    // Before the validation, which removes members.
    const tooDeep = isDeeper(request.body, levels)
    addFaults(found, 'body', checkBody, request.body ?? null, request)
    if (!tooDeep) return refusal(found)
    const message = `must have at most ${levels} levels of objects and arrays`
    if (found.errors.length === 0) found.errors.push({ in: 'body', path: '', message })
    return refusal(found, `The body ${message}`)
  }
  return (request: Checked, _reply: unknown, done: (error?: AppError) => void) => {
    done(check(request))
  }
}

interface Faults {
  readonly errors: Fault[]
  /** The number of faults that are not in `errors`, or of surplus parts that were not validated. */
  further: number
}

function refusal({ errors, further }: Faults, reason?: string): AppError | undefined {
  const [first] = errors
  if (first === undefined) return undefined
  const named = errors.slice(0, LIMITS.faultsNamed)
  return new AppError('validation_error', {
    detail: reason ?? `${first.path.slice(1) || `The ${first.in}`} ${first.message}`,
    errors: named,
    more: further + errors.length - named.length,
  })
}

interface Checked extends Asked {
  query: unknown
  body: unknown
}

function readQuery(query: RawQuery, schema: unknown): Record<string, unknown> {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> } // our own schema
  for (const name in query) {
    query[name] = readText(query[name], properties[name]?.type) as string
  }
  return query
}

function readText(value: string | string[] | undefined, type: string | undefined): unknown {
  if (typeof value !== 'string') return value
  if (type === 'integer' && /^(0|[1-9]\d{0,15})$/.test(value)) return Number(value)
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}

function addFaults(
  found: Faults,
  part: 'body' | 'query',
  check: ValidateFunction,
  whole: unknown,
  request: Asked,
): void {
  const schema = check.schema as Parameters<typeof trimExcess>[0] // our own schema
  const { value, further } = trimExcess(schema, whole, LIMITS.faultsNamed)
  found.further += further
  if (check.call(request, value)) return
  for (const error of check.errors ?? []) {
    const path = error.instancePath + pointer(error)
    found.errors.push({ in: part, path, message: messageOf(part, error) })
    found.further += Number(error.params.further ?? 0)
  }
}

/**
 * @returns the JSON Pointer (RFC 6901) to a missing or unknown member, or to one that selects a schema. Ajv reports
 *   only its object.
 */
function pointer({ params }: ErrorObject): string {
  const member: unknown = params.additionalProperty ?? params.missingProperty ?? params.tag
  if (typeof member !== 'string') return ''
  return `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
