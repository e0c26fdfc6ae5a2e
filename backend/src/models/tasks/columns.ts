/** The members that describe every column of `todo.tasks`. */
interface AnyColumn {
  /** The name of the column, and of the member in the JSON. */
  readonly name: string
  /** The type as PostgreSQL's `format_type` writes it. It determines the JSON. */
  readonly type: keyof typeof JSON_FORMS
  readonly nullable?: true
}

/** A column that clients may set, when they create a task and when they change one. */
interface ClientColumn extends AnyColumn {
  readonly setBy: 'client'
  readonly type: keyof ClientTypes
  /** The value in a new task without this member. A column without one is required. */
  readonly default?: ClientTypes[keyof ClientTypes] | null
}

/** A column that the server sets when it inserts the task, and never changes. */
interface InsertedColumn extends AnyColumn {
  readonly setBy: 'insertion'
  /** The value as SQL; `$1` is the user, `$2` the id. */
  readonly insert: string
}

/** A column that the server sets when it inserts the task, and with every change. */
interface ChangedColumn extends AnyColumn {
  readonly setBy: 'change'
  readonly insert: string
  /** The value after a change as SQL. */
  readonly change: string
}

export type Column = ClientColumn | InsertedColumn | ChangedColumn

/** The types of the values that a client may send, as they arrive in a JSON body. */
interface ClientTypes {
  readonly text: string
  readonly boolean: boolean
}

/**
 * Characters of `"2026-11-23T06:00:00.120001"`. to_json takes half the time of to_char, but drops zeros at
 * the end. The added microsecond prevents that, and its digits are cut off.
 */
const instant = (column: string, from: number, length: number) =>
  `substr(to_json(${column} at time zone 'utc' + interval '1 microsecond')::text, ${from}, ${length})`

/** The JSON of a column as SQL, by its type; null for null. */
const JSON_FORMS = {
  uuid: (column: string) => `'"' || ${column} || '"'`,
  text: (column: string) => `to_json(${column})::text`,
  boolean: (column: string) =>
    `case when ${column} then 'true' when not ${column} then 'false' end`,
  'timestamp(3) with time zone': (column: string) => `${instant(column, 1, 24)} || 'Z"'`,
}

/**
 * Every column of a task, in the order of the JSON. This list determines the JSON, the columns of INSERT and
 * UPDATE, and the types of the members that clients may set. A test compares it with the schema of a task,
 * the table and the grants.
 */
export const COLUMNS = [
  { name: 'id', type: 'uuid', setBy: 'insertion', insert: '$2::uuid' },
  { name: 'user_id', type: 'text', setBy: 'insertion', insert: '$1' },
  { name: 'title', type: 'text', setBy: 'client' },
  { name: 'description', type: 'text', nullable: true, setBy: 'client', default: null },
  { name: 'completed', type: 'boolean', setBy: 'client', default: false },
  {
    name: 'created_at',
    type: 'timestamp(3) with time zone',
    setBy: 'insertion',
    insert: 'now()',
  },
  {
    name: 'updated_at',
    type: 'timestamp(3) with time zone',
    setBy: 'change',
    insert: 'now()',
    // Always later than before, also within one millisecond and after a clock was set back.
    change: `greatest(now(), updated_at + interval '1 millisecond')`,
  },
] as const satisfies readonly Column[]

type Client = Extract<(typeof COLUMNS)[number], { setBy: 'client' }>
type ValueOf<C extends Client> =
  | ClientTypes[C['type']]
  | (C extends { nullable: true } ? null : never)

/** The values of all columns that clients may set. */
export type TaskValues = { readonly [C in Client as C['name']]: ValueOf<C> }
/** An absent member keeps its value. Null clears it. */
export type TaskChanges = Partial<TaskValues>
/** An absent member gets the column's default. */
export type NewTask = TaskChanges & Pick<TaskValues, Exclude<Client, { default: unknown }>['name']>

const DEFAULTS = Object.fromEntries(
  COLUMNS.flatMap((column) => ('default' in column ? [[column.name, column.default]] : [])),
) as Pick<TaskValues, Extract<Client, { default: unknown }>['name']> // the list above

/** @returns the values of a new task, with the default of each member that it lacks. */
export function withDefaults(task: NewTask): TaskValues {
  return { ...DEFAULTS, ...task }
}

/**
 * @returns SQL for a task as JSON text. It coalesces every column, even those that cannot be null, because
 * one null would make the whole text null.
 */
export function jsonOf(columns: readonly Column[]): string {
  const members = columns.map(
    ({ name, type }) => `"${name}":' || coalesce(${JSON_FORMS[type](name)}, 'null')`,
  )
  return `'{${members.join(` || ',`)} || '}'`
}

/** SQL for the version of a task: `updated_at` as in the JSON. Every change gives it another value. */
export const VERSION = `${instant('updated_at', 2, 23)} || 'Z'`

export function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ')
}

const isClient = (column: Column): column is ClientColumn => column.setBy === 'client'

/** The value of a column in the JSON object `$3`. */
const given = ({ name, type }: ClientColumn) =>
  type === 'text' ? `$3::jsonb ->> '${name}'` : `($3::jsonb ->> '${name}')::${type}`

/** The values of a new task as SQL, in the order of the columns. `$3` is {@link TaskValues} as JSON. */
export function insertedOf(columns: readonly Column[]): string {
  return columns.map((column) => (isClient(column) ? given(column) : column.insert)).join(', ')
}

/**
 * The assignments of an UPDATE. `$3` is {@link TaskChanges} as JSON. The columns that every change sets
 * keep their value if no other column gets another value.
 */
export function updatedOf(columns: readonly Column[]): string {
  const clients = columns.filter(isClient)
  const news = clients.map(
    (column) =>
      `case when $3::jsonb ? '${column.name}' then ${given(column)} else ${column.name} end`,
  )
  const differ = `(${news.join(', ')}) is distinct from (${namesOf(clients)})`
  return [
    ...clients.map(({ name }, at) => `${name} = ${news[at]}`),
    ...changedOf(columns, (change, name) => `case when ${differ} then ${change} else ${name} end`),
  ].join(', ')
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
