import type { Client } from 'pg'
import { identifier } from '../direct.ts'
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../errors.ts'
import { MigrationError } from './history.ts'

/**
 * Takes the role of the owner of `todo.migrations` until the end of the transaction, if the login may
 * take it, so that one role owns everything that the migrations create. A login that may only read the
 * history keeps its own role.
 *
 * @returns the owner; undefined if there is no history yet.
 */
export async function actAsOwner(client: Client): Promise<string | undefined> {
  const { rows } = await client.query(
    // PostgreSQL before 16 has no SET option of memberships.
    `select rolname as owner, rolname <> current_user and pg_has_role(current_user, relowner,
       case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as may_take
     from pg_class c join pg_namespace n on n.oid = relnamespace join pg_roles r on r.oid = relowner
     where nspname = 'todo' and relname = 'migrations'`,
  )
  const [found] = rows
  if (found === undefined) return undefined
  if (found.may_take) await client.query(`set local role ${identifier(found.owner)}`)
  return found.owner
}

/** The same for a program that reads what is there. @throws {Error} if there is no history. */
export async function actAsKnownOwner(client: Client): Promise<void> {
  if ((await actAsOwner(client)) !== undefined) return
  throw new Error(
    'The database of DATABASE_URL has no tables of this server. Set it to the database of your server.',
  )
}

/**
 * Lists the statements that are needed after a change of owner so that backups can be made, and expired
 * Idempotency-Keys and tasks in the trash can be deleted. Policies let the owner of the tables, by name, reach
 * the rows of every user for these purposes. `alter … owner to` and `reassign owned` do not change that name.
 */
const MISPLACED_OWNERS = `
  with owner as (
    select relowner as oid, quote_ident(pg_get_userbyid(relowner)) as name
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname = 'todo' and relname = 'migrations'
  )
  select format('alter table todo.%I owner to ', relname) || name as remedy
  from owner, pg_class c join pg_namespace n on n.oid = relnamespace
  where nspname = 'todo' and relname in ('idempotency_keys', 'tasks') and relowner <> owner.oid
  union all
  select 'alter function ' || p.oid::regprocedure || ' owner to ' || name
  from owner, pg_proc p join pg_namespace n on n.oid = pronamespace
  where nspname = 'todo' and proname in ('forget_expired_keys', 'purge_tasks') and proowner <> owner.oid
  union all
  select format('alter policy %I on %s to %s', polname, polrelid::regclass, name)
  from owner, pg_policy join pg_class c on c.oid = polrelid join pg_namespace n on n.oid = relnamespace
  where nspname = 'todo' and polname in ('backup', 'expired_keys', 'purge') and polroles <> array[owner.oid]`

/**
 * Runs those statements, in the current transaction.
 *
 * @throws {MigrationError} with the statement to run, if the login may not run it.
 */
export async function repairOwners(client: Client): Promise<void> {
  const { rows } = await client.query(MISPLACED_OWNERS)
  for (const { remedy } of rows) {
    // A change of owner needs both roles, a change of the policy only the owner.
    if (remedy.startsWith('alter policy')) await actAsOwner(client)
    await client.query(remedy).catch((error: unknown) => {
      if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
      throw new MigrationError(
        `The server could not delete what has expired, because a part of the schema todo has a new owner. Run as a superuser: ${remedy}`,
        { cause: error },
      )
    })
  }
}

/** An older version of the table has no origin. */
const MAY_RENEW = `
  select has_column_privilege(attrelid, attnum, 'update') as may_renew
  from pg_attribute where attrelid = to_regclass('todo.feed') and attname = 'origin'`

/**
 * The cluster, its timeline, which each promotion and each restore to a point in time increases, and the table, which
 * pg_restore creates again.
 */
const ORIGIN = `select concat_ws('/', (select system_identifier from pg_control_system()),
  left(pg_walfile_name(pg_current_wal_lsn()), 8), 'todo.feed'::regclass::oid) as origin`

/**
 * @returns the origin, or null where it cannot be read: a host may revoke these functions from everybody, and they
 *   fail where a host stores the log differently, as Amazon Aurora does.
 */
async function readOrigin(client: Client): Promise<string | null> {
  await client.query('savepoint origin')
  try {
    return (await client.query<{ origin: string }>(ORIGIN)).rows[0]?.origin ?? null
  } catch {
    await client.query('rollback to savepoint origin')
    return null
  }
}

const NEW_EPOCH = `epoch = ('x' || substr(gen_random_uuid()::text, 1, 8))::bit(32)::integer`

/** Gives the feed of changes, if this version of the database has it, a new epoch. Needs the role of the owner. */
export async function replaceEpoch(client: Client): Promise<void> {
  const { rows } = await client.query(`select to_regclass('todo.feed') is null as missing`)
  if (!rows[0]?.missing) await client.query(`update todo.feed set ${NEW_EPOCH}`)
}

/**
 * Gives the feed of changes a new epoch if the database is a copy, such as a dump that was restored. Its numbers
 * continue from an earlier state, so tokens of the original must not be used on it. It takes the role of the owner
 * until the end of the transaction.
 */
export async function renewEpoch(client: Client): Promise<void> {
  await actAsOwner(client)
  const { rows } = await client.query(MAY_RENEW)
  if (!rows[0]?.may_renew) return
  await client.query(
    `update todo.feed set ${NEW_EPOCH}, database = now.database, origin = now.origin
     from (select oid as database, $1 as origin from pg_database where datname = current_database()) now
     where feed.database <> now.database or feed.origin <> now.origin or feed.origin is null and now.origin is not null`,
    [await readOrigin(client)],
  )
}
