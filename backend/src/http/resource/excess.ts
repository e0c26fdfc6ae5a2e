import { propertiesFor, type Schema } from './selected.ts'

/** A value without its surplus members and items, and how many of them were removed. */
export interface Trimmed {
  readonly value: unknown
  readonly further: number
}

/**
 * Removes surplus parts that would only add more validation errors of the same kind: an object's
 * unknown members beyond `unknown`, and an array's items beyond `maxItems` + 1. The time a validator
 * takes then depends on the size of the schema, not of the request.
 *
 * @param unknown how many members that the schema does not name are kept in an object.
 * @returns the same value if nothing was removed, else a copy.
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
  if (items?.properties === undefined && items?.items === undefined && !items?.oneOf) {
    return { value: kept, further: value.length - kept.length }
  }
  const inner = kept.map((item) => trimExcess(items, item, unknown))
  const further = inner.reduce((sum, item) => sum + item.further, value.length - kept.length)
  return { value: further === 0 ? value : inner.map((item) => item.value), further }
}

function trimObject(schema: Schema, value: object, unknown: number): Trimmed {
  const properties = propertiesFor(schema, value)
  if (properties === undefined) return { value, further: 0 }
  let [unknownMembers, further] = [0, 0]
  const changed = new Map<string, unknown>()
  for (const [name, member] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (schema === undefined) unknownMembers += 1
    else if (typeof member === 'object') {
      const inner = trimExcess(schema, member, unknown)
      further += inner.further
      if (inner.value !== member) changed.set(name, inner.value)
    }
  }
  if (unknownMembers <= unknown && changed.size === 0) return { value, further }
  let remaining = unknown
  const kept = Object.entries(value).filter(([name]) => {
    if (Object.hasOwn(properties, name)) return true
    remaining -= 1
    return remaining >= 0
  })
  return {
    // Object.fromEntries, because an assignment to a member `__proto__` would set the prototype.
    value: Object.fromEntries(kept.map(([name, member]) => [name, changed.get(name) ?? member])),
    further: further + Math.max(0, unknownMembers - unknown),
  }
}

/** Whether objects and arrays are nested deeper than `levels`. It does not recurse deeper than that. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}
