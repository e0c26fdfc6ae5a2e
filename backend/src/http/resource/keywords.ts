import type { Ajv } from 'ajv'

/** The parts of a request with which a keyword compares a member of the body. */
export interface Asked {
  readonly userId: string
  readonly params: unknown
}

/** The place of a value in its object. */
interface Place {
  readonly parentData: object
  readonly parentDataProperty: string | number
  /** The body, and a JSON Pointer to the value in it. */
  readonly rootData: unknown
  readonly instancePath: string
}

const modifying = { modifying: true } as const

/**
 * Adds the keywords of our schemas. Each of them changes the body before a route sees it:
 *
 * - `x-trim` removes the white space around a string, before its length is checked.
 * - `x-lower` writes a string in lower case: an id, whose letter case does not count (RFC 9562 §4).
 * - `x-path` accepts a member that equals the path parameter of this name, and removes it. A user id must
 *   be the user's to the letter. Other parameters are UUIDs, whose letter case does not count.
 * - `x-outer` accepts a member that equals the member of this name of the object around its own, and removes it.
 * - `x-ignored` removes a member, whatever its value.
 */
export function addKeywords(ajv: Ajv): void {
  ajv.addVocabulary(['x-message'])
  ajv.addKeyword({
    ...modifying,
    keyword: 'x-trim',
    type: 'string',
    schemaType: 'boolean',
    before: 'maxLength',
    validate: (_trim: boolean, text: string, _schema: unknown, at?: Place) => {
      if (at) Object.assign(at.parentData, { [at.parentDataProperty]: text.trim() })
      return true
    },
  })
  ajv.addKeyword({
    ...modifying,
    keyword: 'x-lower',
    type: 'string',
    schemaType: 'boolean',
    validate: (_lower: boolean, text: string, _schema: unknown, at?: Place) => {
      if (at) Object.assign(at.parentData, { [at.parentDataProperty]: text.toLowerCase() })
      return true
    },
  })
  ajv.addKeyword({
    ...modifying,
    keyword: 'x-path',
    type: 'string',
    schemaType: 'string',
    validate(this: Asked, name: string, text: string, _schema: unknown, at?: Place) {
      remove(at)
      if (name === 'user_id') return text === this.userId
      const parameters = this.params as Record<string, string> // set by the router
      return text.toLowerCase() === parameters[name]?.toLowerCase()
    },
  })
  ajv.addKeyword({
    ...modifying,
    keyword: 'x-outer',
    type: 'string',
    schemaType: 'string',
    validate: (name: string, text: string, _schema: unknown, at?: Place) => {
      remove(at)
      const outer = at && memberAround(at, name)
      // Another error reports an outer member that is missing or no string.
      return typeof outer !== 'string' || text.toLowerCase() === outer.toLowerCase()
    },
  })
  ajv.addKeyword({
    ...modifying,
    keyword: 'x-ignored',
    schemaType: 'boolean',
    validate: (_ignored: boolean, _value: unknown, _schema: unknown, at?: Place) => {
      remove(at)
      return true
    },
  })
}

/** @returns a member of the object around that of the value. Its path has names of our schemas and indexes. */
function memberAround({ rootData, instancePath }: Place, name: string): unknown {
  const path = [...instancePath.split('/').slice(1, -2), name]
  return path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown>)[key], // an object or array, as it contains the value
    rootData,
  )
}

function remove(at: Place | undefined): void {
  if (at) Reflect.deleteProperty(at.parentData, at.parentDataProperty)
}
