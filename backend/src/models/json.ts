import type { Column } from './columns.ts'

/**
 * Characters of `"2026-11-23T06:00:00.120001"`. PostgreSQL's own JSON of an instant takes half the time
 * of to_char, but drops zeros at the end. The added microsecond keeps them, and is not taken. An interval as the
 * zone is UTC, which PostgreSQL need not look up by its name.
 */
const instant = (column: string, from: number, length: number) =>
  `substr(to_json(${column} at time zone interval '0' + interval '1 microsecond')::text, ${from}, ${length})`

/** The JSON of a column as SQL, by its type; null for null. */
const JSON_FORMS = {
  uuid: (column: string) => `'"' || ${column} || '"'`,
  text: (column: string) => `to_json(${column})::text`,
  boolean: (column: string) =>
    `case when ${column} then 'true' when not ${column} then 'false' end`,
  smallint: (column: string, names: readonly string[]) =>
    `case ${column} ${names.map((name, value) => `when ${value} then '"${name}"'`).join(' ')} end`,
  'text[]': (column: string) =>
    `case when ${column} = '{}' then '[]' else to_json(${column})::text end`,
  jsonb: (column: string) => `${column}::text`,
  date: (column: string) => `to_json(${column})::text`,
  'time without time zone': (column: string) => `'"' || left(${column}::text, 5) || '"'`,
  'timestamp(3) with time zone': (column: string) => `${instant(column, 1, 24)} || 'Z"'`,
}

export type ColumnType = keyof typeof JSON_FORMS

/** @returns an instant as text, as in the JSON. */
export const versionOf = (value: string) => `${instant(value, 2, 23)} || 'Z'`

/** The version of a row, which changes with every change of it: `updated_at` as in the JSON. */
export const VERSION = versionOf('updated_at')

/**
 * A row as JSON text. Every column is coalesced, whether it may be null or not, because a null would be an empty text
 * there.
 */
export function jsonOf(columns: readonly Column[]): string {
  return formatOf(columns, '{', '}')
}

/** The members of {@link jsonOf} without the braces. */
export function jsonMembersOf(columns: readonly Column[]): string {
  return formatOf(columns, '', '')
}

/**
 * One call of `format`, because PostgreSQL prepares each operator of an expression for each execution, and a
 * concatenation has two for each member. Consecutive rare columns are one literal if all of them are as usual.
 */
function formatOf(columns: readonly Column[], before: string, after: string): string {
  const parts = runsOf(columns).map((run) =>
    run.length === 1 ? run.map(memberOf) : [['%s', runOf(run)] as const],
  )
  return format(parts.flat(), before, after)
}

function runOf(run: readonly Column[]): string {
  const usual = run.map(({ name, type }) => `${name} ${USUAL[type]?.is ?? 'is null'}`).join(' and ')
  const literal = run.map(
    (column) => `"${column.name}":${USUAL[column.type]?.json(column) ?? null}`,
  )
  return `case when ${usual} then '${literal.join()}' else ${format(run.map(memberOf))} end`
}

/** The usual value of a rare column, if it is not null: a condition, and its JSON. */
const USUAL: Partial<Record<ColumnType, { is: string; json: (column: Column) => string }>> = {
  smallint: { is: '= 0', json: (column) => `"${namesIn(column)[0]}"` },
  'text[]': { is: `= '{}'`, json: () => '[]' },
}

/** A part of a format, and its argument as SQL. */
type Member = readonly [part: string, argument: string]

function format(members: readonly Member[], before = '', after = ''): string {
  const text = members.map(([part]) => part).join()
  return `format('${before}${text}${after}', ${members.map(([, argument]) => argument).join(', ')})`
}

function memberOf(column: Column): Member {
  const { name, type, plain } = column
  const json = plain ? `'"' || ${name} || '"'` : JSON_FORMS[type](name, namesIn(column))
  return [`"${name}":%s`, `coalesce(${json}, 'null')`]
}

const namesIn = (column: Column) => ('names' in column ? (column.names ?? []) : [])

/** @returns the columns in their order: rare ones together with rare neighbours, the others alone. */
function runsOf(columns: readonly Column[]): readonly Column[][] {
  const runs: Column[][] = []
  for (const column of columns) {
    const run = runs.at(-1)
    if (column.rare && run?.at(-1)?.rare) run.push(column)
    else runs.push([column])
  }
  return runs
}
