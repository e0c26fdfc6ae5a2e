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
}

const modifying = { modifying: true } as const

/**
 * Adds the keywords of our schemas. Each of them changes the body before a route sees it:
 *
 * - `x-trim` removes the white space around a string, before its length is checked.
 * - `x-path` accepts a member that equals the path parameter of this name, and removes it. A user id must
 *   be the user's to the letter. Other parameters are UUIDs, whose letter case does not count (RFC 9562 §4).
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
    keyword: 'x-ignored',
    schemaType: 'boolean',
    validate: (_ignored: boolean, _value: unknown, _schema: unknown, at?: Place) => {
      remove(at)
      return true
    },
  })
}

function remove(at: Place | undefined): void {
  if (at) Reflect.deleteProperty(at.parentData, at.parentDataProperty)
}
