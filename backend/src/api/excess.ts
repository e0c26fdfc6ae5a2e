/** What is asked here of a JSON Schema of ours. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly maxItems?: number
}

/** A value with no more in it than is worth a look, and how much was left out. */
export interface Trimmed {
  readonly value: unknown
  readonly further: number
}

/**
 * Leaves out what would only make more faults of a kind that is there already: unknown members
 * beyond so many of an object, and items beyond one too many of an array. What is left takes a
 * validator no longer than the schema is large, however much was sent; an unchanged value is the
 * same one.
 *
 * @param unknown members without a place in the schema that are kept of an object.
 */
export function trimExcess(schema: Schema, value: unknown, unknown: number): Trimmed {
  if (typeof value !== 'object' || value === null) return { value, further: 0 }
  return Array.isArray(value)
    ? trimArray(schema, value, unknown)
    : trimObject(schema, value, unknown)
}

function trimArray({ items, maxItems }: Schema, value: unknown[], unknown: number): Trimmed {
  const most = (maxItems ?? value.length) + 1
  const kept = value.length > most ? value.slice(0, most) : value
  if (items?.properties === undefined && items?.items === undefined) {
    return { value: kept, further: value.length - kept.length }
  }
  const inner = kept.map((item) => trimExcess(items, item, unknown))
  const further = inner.reduce((sum, item) => sum + item.further, value.length - kept.length)
  return { value: further === 0 ? value : inner.map((item) => item.value), further }
}

function trimObject({ properties }: Schema, value: object, unknown: number): Trimmed {
  if (properties === undefined) return { value, further: 0 }
  let [strangers, further] = [0, 0]
  const changed = new Map<string, unknown>()
  for (const [name, member] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (schema === undefined) strangers += 1
    else if (typeof member === 'object') {
      const inner = trimExcess(schema, member, unknown)
      further += inner.further
      if (inner.value !== member) changed.set(name, inner.value)
    }
  }
  if (strangers <= unknown && changed.size === 0) return { value, further }
  let left = unknown
  const kept = Object.entries(value).filter(([name]) => {
    if (Object.hasOwn(properties, name)) return true
    left -= 1
    return left >= 0
  })
  return {
    // Not by assignment, which would take a member `__proto__` for something else.
    value: Object.fromEntries(kept.map(([name, member]) => [name, changed.get(name) ?? member])),
    further: further + Math.max(0, strangers - unknown),
  }
}

/** Whether objects and arrays lie deeper in each other than so many levels; looks no deeper itself. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}
