import type { Client } from 'pg'
import { refuseHiddenRows } from './backup/tables.ts'
import type { Connector } from './connector.ts'
import { inTransaction, withDirectClient } from './direct.ts'
import { actAsOwner } from './migrate/owner.ts'

/** A number of rows. Above the bound it is PostgreSQL's estimate, which the last ANALYZE or VACUUM made. */
export interface Count {
  readonly count: number
  readonly exact: boolean
}

export interface Statistics {
  /** Accounts, also those that are disabled. */
  readonly people: Count
  readonly disabled: Count
  /** Sessions that have not expired. */
  readonly sessions: Count
  /** Users who have, or had, a task. Those of an external issuer have no account. */
  readonly users: Count
  readonly tasks: Count
}

/** Counting this many rows takes a few hundredths of a second. */
const MOST_COUNTED = 100_000

/** Reads how many rows there are, and reads at most 100 000 rows of each table. */
export async function readStatistics(
  connector: Pick<Connector, 'direct'>,
  most = MOST_COUNTED,
): Promise<Statistics> {
  return withDirectClient(connector.direct, (client) =>
    inTransaction(client, async () => {
      await actAsOwner(client)
      // The policies hide every row from the owner, except in a transaction that asks for all of them.
      await client.query(`set local todo.backup = 'on'`)
      await refuseHiddenRows(client)
      const count = (table: string, condition?: string) =>
        countRows(client, { table, condition, most })
      return {
        people: await count('todo_auth."user"'),
        disabled: await count('todo_auth."user"', 'disabled_at is not null'),
        sessions: await count('todo_auth.session', '"expiresAt" > now()'),
        users: await count('todo.users'),
        tasks: await count('todo.tasks', 'deleted_at is null'),
      }
    }),
  )
}

interface Counted {
  readonly table: string
  readonly condition: string | undefined
  readonly most: number
}

/** The table is larger than the bound: PostgreSQL keeps an estimate of its rows. */
const ESTIMATE =
  'select greatest(reltuples::bigint, $2::bigint)::text as count from pg_class where oid = $1::regclass'

async function countRows(client: Client, { table, condition, most }: Counted): Promise<Count> {
  const matches = condition === undefined ? '' : ` filter (where ${condition})`
  const { rows } = await client.query<{ read: string; count: string }>(
    `select count(*) as read, count(*)${matches} as count from (select * from ${table} limit ${most + 1}) part`,
  )
  const { read = '0', count = '0' } = rows[0] ?? {}
  if (Number(read) <= most) return { count: Number(count), exact: true }
  const estimate = await client.query<{ count: string }>(ESTIMATE, [table, most + 1])
  const share = Number(count) / Number(read)
  return { count: Math.round(Number(estimate.rows[0]?.count ?? 0) * share), exact: false }
}
