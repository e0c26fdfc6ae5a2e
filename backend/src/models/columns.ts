/** The members that all columns of a resource have. */
interface AnyColumn {
  /** The name of the column, and of the member in the JSON. */
  readonly name: string
  /** As `format_type` of PostgreSQL writes it. It determines the JSON. */
  readonly type: keyof typeof JSON_FORMS
  readonly nullable?: true
}

/** A client may set it, when it creates a row and when it changes one. */
interface ClientColumn extends AnyColumn {
  readonly setBy: 'client'
  readonly type: keyof ClientTypes
  /** The value in a new row without this member. A column without one is required. */
  readonly default?: ClientTypes[keyof ClientTypes] | null
  /** The value in a new row without this member as SQL, instead of a default. */
  readonly absent?: string
  /** The values of a `smallint` on the wire, by their numbers in the table. */
  readonly names?: readonly string[]
}

/** The server sets it when it inserts the row, and does not change it. */
interface InsertedColumn extends AnyColumn {
  readonly setBy: 'insertion'
  /** The value as SQL; `$1` is the user, `$2` the id. */
  readonly insert: string
}

/** The server sets it with every change as well. */
interface ChangedColumn extends AnyColumn {
  readonly setBy: 'change'
  readonly insert: string
  /** The value after a change, as SQL. */
  readonly change: string
}

/** The server computes it from other columns, whenever one of them is set. */
interface DerivedColumn extends AnyColumn {
  readonly setBy: 'derivation'
  /** The columns from which it is computed. */
  readonly from: readonly string[]
  /**
   * @param value gives the new value of a column as SQL.
   * @param present the present value as SQL; null in a new row.
   * @returns its new value as SQL.
   */
  readonly derive: (value: (name: string) => string, present: string) => string
}

export type Column = ClientColumn | InsertedColumn | ChangedColumn | DerivedColumn

/** The types of the values that a client may send, as they arrive in a JSON body. */
interface ClientTypes {
  readonly text: string
  readonly boolean: boolean
  readonly smallint: string
  readonly 'text[]': readonly string[]
  readonly date: string
  readonly 'time without time zone': string
  readonly uuid: string
  readonly jsonb: object
}

/**
 * Characters of `"2026-11-23T06:00:00.120001"`. PostgreSQL's own JSON of an instant takes half the time
 * of to_char, but drops zeros at the end. The added microsecond keeps them, and is not taken.
 */
const instant = (column: string, from: number, length: number) =>
  `substr(to_json(${column} at time zone 'utc' + interval '1 microsecond')::text, ${from}, ${length})`

/** The JSON of a column as SQL, by its type; null for null. */
const JSON_FORMS = {
  uuid: (column: string) => `'"' || ${column} || '"'`,
  text: (column: string) => `to_json(${column})::text`,
  boolean: (column: string) =>
    `case when ${column} then 'true' when not ${column} then 'false' end`,
  smallint: (column: string, names: readonly string[] = []) =>
    `case ${column} ${names.map((name, value) => `when ${value} then '"${name}"'`).join(' ')} end`,
  'text[]': (column: string) =>
    `case when ${column} = '{}' then '[]' else to_json(${column})::text end`,
  jsonb: (column: string) => `${column}::text`,
  date: (column: string) => `to_json(${column})::text`,
  'time without time zone': (column: string) => `'"' || left(${column}::text, 5) || '"'`,
  'timestamp(3) with time zone': (column: string) => `${instant(column, 1, 24)} || 'Z"'`,
}

/** The columns that every resource has. `$1` is the user, `$2` the id. */
export const ID = { name: 'id', type: 'uuid', setBy: 'insertion', insert: '$2::uuid' } as const
export const USER_ID = { name: 'user_id', type: 'text', setBy: 'insertion', insert: '$1' } as const
export const CREATED_AT = {
  name: 'created_at',
  type: 'timestamp(3) with time zone',
  setBy: 'insertion',
  insert: 'now()',
} as const
export const DELETED_AT = {
  name: 'deleted_at',
  type: 'timestamp(3) with time zone',
  setBy: 'insertion',
  insert: 'null',
  nullable: true,
} as const
export const UPDATED_AT = {
  name: 'updated_at',
  type: 'timestamp(3) with time zone',
  setBy: 'change',
  insert: 'now()',
  // Later than before, also twice in one millisecond and after a clock was set back.
  change: `greatest(now(), updated_at + interval '1 millisecond')`,
} as const

type ClientOf<C extends readonly Column[]> = Extract<C[number], { setBy: 'client' }>
type ValueOf<C> = C extends { type: keyof ClientTypes }
  ?
      | (C extends { names: readonly (infer Name)[] } ? Name : ClientTypes[C['type']])
      | (C extends { nullable: true } ? null : never)
  : never

/** The values that a client may set, each of them present. */
export type Values<C extends readonly Column[]> = {
  readonly [Client in ClientOf<C> as Client['name']]: ValueOf<Client>
}
/** Without a member, the row keeps its value. Null clears it. */
export type Changes<C extends readonly Column[]> = Partial<Values<C>>
/** Without a member, the column has its default. */
export type NewValues<C extends readonly Column[]> = Changes<C> &
  Pick<Values<C>, Exclude<ClientOf<C>, { default: unknown } | { absent: string }>['name']>

/** @returns a function that gives a new row the default of each member that it lacks. */
export function defaultsOf<const C extends readonly Column[]>(
  columns: C,
): (row: NewValues<C>) => Values<C> {
  const defaults = Object.fromEntries(
    columns.flatMap((column) => ('default' in column ? [[column.name, column.default]] : [])),
  )
  return (row) => ({ ...defaults, ...row }) as Values<C> // what lacks has a default, or one in SQL
}

/**
 * A row as JSON text. Every column is coalesced, whether it may be null or not, because one null would
 * make the whole text null.
 */
export function jsonOf(columns: readonly Column[]): string {
  return `'{${jsonMembersOf(columns).slice(1)} || '}'`
}

/** The members of {@link jsonOf} without the braces. */
export function jsonMembersOf(columns: readonly Column[]): string {
  const members = columns.map((column) => {
    const { name, type } = column
    const names = 'names' in column ? column.names : undefined
    return `"${name}":' || coalesce(${JSON_FORMS[type](name, names)}, 'null')`
  })
  return `'${members.join(` || ',`)}`
}

/** The version of a row, which changes with every change of it: `updated_at` as in the JSON. */
export const VERSION = `${instant('updated_at', 2, 23)} || 'Z'`

export function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ')
}

const isClient = (column: Column): column is ClientColumn => column.setBy === 'client'

/** The value of a column in the JSON object `$3`. */
function given({ name, type, names = [] }: ClientColumn): string {
  const text = `$3::jsonb ->> '${name}'`
  switch (type) {
    case 'text':
      return text
    case 'smallint':
      return `(case ${text} ${names.map((one, value) => `when '${one}' then ${value}`).join(' ')} end)::smallint`
    case 'jsonb':
      return `nullif($3::jsonb -> '${name}', 'null')`
    case 'text[]':
      return `array(select jsonb_array_elements_text($3::jsonb -> '${name}'))`
    default:
      return `(${text})::${type}`
  }
}

const inserted = (column: ClientColumn) =>
  column.absent === undefined ? given(column) : `coalesce(${given(column)}, ${column.absent})`

/** The values of a new row as SQL, in the order of the columns. `$3` is {@link Values} as JSON. */
export function insertedOf(columns: readonly Column[]): string {
  const value = newValues(columns, given)
  return columns
    .map((column) => {
      if (isClient(column)) return inserted(column)
      return column.setBy === 'derivation' ? column.derive(value, 'null') : column.insert
    })
    .join(', ')
}

/** @returns a function that gives the new value of a column as SQL. */
function newValues(
  columns: readonly Column[],
  sqlOf: (column: ClientColumn) => string,
): (name: string) => string {
  return (name) => {
    const column = columns.find((one) => one.name === name)
    return column !== undefined && isClient(column) ? `(${sqlOf(column)})` : name
  }
}

/** The new value of a column: that of `$3`, which is {@link Changes} as JSON, or the present one. */
const changed = (column: ClientColumn) =>
  `case when $3::jsonb ? '${column.name}' then ${given(column)} else ${column.name} end`

/** An SQL condition: whether `$3` changes a value of the row. */
export function differsFrom(columns: readonly Column[]): string {
  const clients = columns.filter(isClient)
  return `(${clients.map(changed).join(', ')}) is distinct from (${namesOf(clients)})`
}

/**
 * The assignments of an UPDATE by `$3`. The columns that every change sets keep their value if no other
 * column gets another value.
 */
export function updatedOf(columns: readonly Column[]): string {
  const differs = differsFrom(columns)
  return [
    ...columns.filter(isClient).map((column) => `${column.name} = ${changed(column)}`),
    ...derivedOf(columns, newValues(columns, changed)),
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
