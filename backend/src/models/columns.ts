import type { ColumnType } from './json.ts'

/** The members that all columns of a resource have. */
interface AnyColumn {
  /** The name of the column, and of the member in the JSON. */
  readonly name: string
  /** As `format_type` of PostgreSQL writes it. It determines the JSON. */
  readonly type: ColumnType
  readonly nullable?: true
  /** Most rows have null here, or the first of the `names`, or an empty array. */
  readonly rare?: true
  /** Its texts have no character that JSON escapes. */
  readonly plain?: true
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

export function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ')
}

export const isClient = (column: Column): column is ClientColumn => column.setBy === 'client'

/** The JSON object with the values of a row, as SQL. It has an array as PostgreSQL writes one. */
const VALUES = '$3::jsonb'

/** The value of a column in the JSON object. */
export function given({ name, type, names = [] }: ClientColumn, object = VALUES): string {
  const text = `${object} ->> '${name}'`
  switch (type) {
    case 'text':
      return text
    case 'smallint':
      return `(case ${text} ${names.map((one, value) => `when '${one}' then ${value}`).join(' ')} end)::smallint`
    case 'jsonb':
      return `nullif(${object} -> '${name}', 'null')`
    default:
      return `(${text})::${type}`
  }
}

const inserted = (column: ClientColumn, object: string) => {
  const value = given(column, object)
  return column.absent === undefined ? value : `coalesce(${value}, ${column.absent})`
}

/**
 * The values of a new row as SQL, in the order of the columns.
 *
 * @param object {@link Values} as JSON, as SQL.
 */
export function insertedOf(columns: readonly Column[], object = VALUES): string {
  const value = (name: string) => {
    const column = columns.find((one) => one.name === name)
    return column !== undefined && isClient(column) ? `(${given(column, object)})` : name
  }
  return columns
    .map((column) => {
      if (isClient(column)) return inserted(column, object)
      return column.setBy === 'derivation' ? column.derive(value, 'null') : column.insert
    })
    .join(', ')
}
