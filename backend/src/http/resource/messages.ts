import type { ErrorObject } from 'ajv'
import { selectorMessage } from './selected.ts'

/** @returns the message for a fault that Ajv has found. */
export function messageOf(part: 'body' | 'query', error: ErrorObject): string {
  const { keyword, params, parentSchema, data } = error
  const { minLength = 0, maxLength, minimum, maximum } = parentSchema ?? {}
  switch (keyword) {
    case 'type':
      if (part === 'query' && Array.isArray(data)) return 'must be given once'
      return `must be ${typeNames(params.type)}${rangeOf(params.type, parentSchema)}`
    case 'additionalProperties':
      return part === 'query' ? unknownParameter(parentSchema?.properties) : 'is unknown'
    case 'required':
      return 'is required'
    case 'minLength':
    case 'maxLength':
      return `must be ${minLength} to ${maxLength} characters`
    case 'minimum':
    case 'maximum':
      return `must be ${minimum} to ${maximum}`
    case 'maxItems':
      return `must have at most ${params.limit} items`
    case 'minItems':
      return `must have at least ${params.limit} items`
    case 'discriminator':
      return selectorMessage(params, parentSchema)
    case 'pattern':
    case 'format':
    case 'enum':
      return String(parentSchema?.['x-message'])
    case 'minProperties':
      return `must have one of ${writable(parentSchema?.properties).join(', ')}`
    case 'maxProperties':
      return `must have exactly one of ${writable(parentSchema?.properties).join(', ')}`
    case 'x-path':
      return 'must be that of the path'
    case 'x-outer':
      return 'must be that of the operation'
    default:
      // Our other keywords say it themselves.
      return keyword.startsWith('x-') ? String(error.message) : 'is invalid'
  }
}

function unknownParameter(properties: object = {}): string {
  const names = Object.keys(properties)
  if (names.length === 0) return 'is unknown: there are no query parameters here'
  return `is unknown: the query parameters here are ${names.join(', ')}`
}

/** Keywords of members that a client may send back, and that change nothing. */
const SENT_BACK = ['x-path', 'x-outer', 'x-ignored']

/** The names of the members that the server does not ignore. */
function writable(properties: Record<string, object> = {}): string[] {
  const isWritable = (member: object) => !SENT_BACK.some((keyword) => keyword in member)
  return Object.keys(properties).filter((name) => isWritable(properties[name] ?? {}))
}

const TYPE_NAMES: Record<string, string> = {
  array: 'a JSON array',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'null',
  object: 'a JSON object',
  string: 'a string',
}

/** @returns the range of an integer, for the message about another value. */
function rangeOf(type: unknown, { minimum, maximum }: Record<string, unknown> = {}): string {
  return type === 'integer' && maximum !== undefined ? ` from ${minimum} to ${maximum}` : ''
}

function typeNames(types: string | string[]): string {
  return [types]
    .flat()
    .map((type) => TYPE_NAMES[type] ?? type)
    .join(' or ')
}
