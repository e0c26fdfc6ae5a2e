import type { ErrorObject } from 'ajv'

/** The part of our JSON Schemas that validation uses. */
export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly maxItems?: number
  /** The text of this member selects one of the schemas of `oneOf`, each of which has it as a constant. */
  readonly discriminator?: { readonly propertyName: string }
  readonly oneOf?: readonly Schema[]
  readonly const?: unknown
}

/** @returns the properties of the schema, or of the one that the object selects; undefined if it selects none. */
export function propertiesFor({ properties, discriminator, oneOf }: Schema, value: object) {
  if (discriminator === undefined) return properties
  const name = discriminator.propertyName
  const selected = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
  return oneOf?.find((schema) => schema.properties?.[name]?.const === selected)?.properties
}

/** @returns the message for a member that selects no schema. */
export function selectorMessage({ tag, tagValue }: ErrorObject['params'], schema: unknown): string {
  if (tagValue === undefined) return 'is required'
  const { oneOf } = schema as Schema // our own schema
  const values = oneOf?.map(({ properties }) => properties?.[String(tag)]?.const)
  return `must be one of ${values?.join(', ')}`
}
