/**
 * The form of a row-level security case, and what many of them have in common. The cases of a table stand
 * in `backend/tests/database`, in a file that ends with `.cases.ts`.
 */

/** `owner` is the login the tables belong to, no superuser; `public` a login that was granted nothing. */
export type Role = 'todo_user' | 'owner' | 'todo_accounts' | 'public'

/** alice has two tasks, bob one, carol none. In the last two no user is set: it is '', or not there. */
export const SCOPES = ['alice', 'bob', 'carol', 'empty', 'unset'] as const
export type Scope = (typeof SCOPES)[number]

/**
 * How many rows are seen or changed, all of them the scope's own; or the SQLSTATE of the refusal; or,
 * in words, whose rows are seen or changed besides.
 */
export type Outcome = number | string

export type Case = readonly [
  role: Role,
  statement: string,
  comes: Partial<Record<Scope | 'others' | 'all', Outcome>>,
]

export interface Table {
  /** The column that says whose a row is. Without one, a table's rows are no user's. */
  readonly owner?: string
  /** What stands in it before each statement. */
  readonly holds?: string
  readonly cases: readonly Case[]
}

/** By the name of the table. */
export type Tables = Readonly<Record<string, Table>>

/** Permission denied, or a row the policy does not allow. */
export const REFUSED = '42501'
/** For the owner alone, and why the server never acts as the owner: no policy is asked. */
export const EMPTIES_IT = 'empties it'

/** Nothing of a table, by any command. */
export const nothing = (role: Role, table: string, insert: string, column: string): Case[] => [
  [role, `select * from ${table}`, { all: REFUSED }],
  [role, `insert into ${table} ${insert}`, { all: REFUSED }],
  [role, `update ${table} set ${column} = ${column}`, { all: REFUSED }],
  [role, `delete from ${table}`, { all: REFUSED }],
  [role, `truncate ${table}`, { all: REFUSED }],
]
