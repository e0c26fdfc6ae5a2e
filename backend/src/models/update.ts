import { type Column, given, isClient } from './columns.ts'

/** `value` if `$3` has the column; otherwise the present value of `name`. `$3` is {@link Changes} as JSON. */
export const ifGiven = (column: string, value: string, name: string) =>
  `case when $3::jsonb ? '${column}' then ${value} else ${name} end`

/** @returns a function that gives the new value of a column as SQL. */
const changedIn = (columns: readonly Column[]) => (name: string) => {
  const column = columns.find((one) => one.name === name)
  return column && isClient(column) ? `(${ifGiven(name, given(column), name)})` : name
}

/** An SQL condition: whether `$3` changes a value of the row. */
export function differsFrom(columns: readonly Column[]): string {
  const changed = changedIn(columns)
  const names = columns.filter(isClient).map(({ name }) => name)
  return `(${names.map((name) => `${changed(name)} is distinct from ${name}`).join(' or ')})`
}

/**
 * The assignments of an UPDATE by `$3`. The columns that every change sets keep their value if no other
 * column gets another value.
 */
export function updatedOf(columns: readonly Column[]): string {
  const differs = differsFrom(columns)
  const changed = changedIn(columns)
  return [
    ...columns.filter(isClient).map(({ name }) => `${name} = ${changed(name)}`),
    ...derivedOf(columns, changed),
    ...changedOf(columns, (change, name) => `case when ${differs} then ${change} else ${name} end`),
  ].join(', ')
}

/** The assignments of the columns that are derived from others, whose new values `value` gives as SQL. */
export function derivedOf(columns: readonly Column[], value: (name: string) => string): string[] {
  return columns.flatMap((column) => {
    if (column.setBy !== 'derivation' || column.from.every((name) => value(name) === name))
      return []
    return `${column.name} = ${column.derive(value, column.name)}`
  })
}

/** The assignments of the columns that every change sets. */
export function changedOf(
  columns: readonly Column[],
  value = (change: string, _name: string) => change,
): string[] {
  return columns.flatMap((column) =>
    column.setBy === 'change' ? `${column.name} = ${value(column.change, column.name)}` : [],
  )
}
