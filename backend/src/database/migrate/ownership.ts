import type { Client } from 'pg'
import { WallError } from '../walls/wall-error.ts'

/** Every object in the schemas, with its owner. */
const PARTS = `
  select 'schema' as kind, quote_ident(nspname) as name, nspowner as owner
  from pg_namespace where nspname in ('todo', 'todo_auth')
  union all
  select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
    when 'f' then 'foreign table' else 'table' end, format('%I.%I', nspname, relname), relowner
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where nspname in ('todo', 'todo_auth') and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  union all
  select 'routine', p.oid::regprocedure::text, proowner
  from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname in ('todo', 'todo_auth')`

/**
 * Finds objects that do not belong to the role that owns most of them. A superuser has access to every
 * object anyway, so a superuser may own a schema, and also the rest if the login is a member of the owner.
 */
const UNEXPECTED_OWNERS = `
  with part as (${PARTS}), most as (
    select owner, pg_get_userbyid(owner) as name from part group by owner
    order by count(*) desc, owner limit 1
  ), login as (select oid, rolsuper from pg_roles where rolname = current_user)
  select format('The %1$s %2$s belongs to the role %3$s, and the rest of todo and todo_auth to %4$s, so %3$s could let users see each other''s tasks. Run: alter %1$s %2$s owner to %4$I',
    kind, part.name, r.rolname, most.name) as why
  from part join pg_roles r on r.oid = part.owner, most, login
  where part.owner <> most.owner
    and not (r.rolsuper and (kind = 'schema' or not login.rolsuper and pg_has_role(login.oid, most.owner, 'MEMBER')))
  union all
  select format('The role %1$s may create in the schema %2$I, so it could let users see each other''s tasks. Run: revoke create on schema %2$I from %1$s',
    case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end, nspname)
  from most, pg_namespace, aclexplode(nspacl) left join pg_roles r on r.oid = grantee
  where nspname in ('todo', 'todo_auth') and privilege_type = 'CREATE'
    and grantee not in (nspowner, most.owner) and not coalesce(r.rolsuper, false)
  limit 1`

/**
 * Checks that one role owns the schemas and everything in them, and that no other role may create there.
 *
 * @throws {WallError} with the statement that repairs it.
 */
export async function proveOwnership(client: Client): Promise<void> {
  const { rows } = await client.query(UNEXPECTED_OWNERS)
  if (rows.length > 0) throw new WallError(rows[0].why)
}

/**
 * Finds untrusted schemas before a migration uses them. Trusted owners are the login, a role of which
 * the login is a member, a superuser, and the owner of `todo.migrations`.
 */
const FOREIGN_SCHEMAS = `
  with history as (
    select relowner, relkind = 'r' and not relrowsecurity as plain
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname = 'todo' and relname = 'migrations'
  ), login as (select oid, rolname, rolsuper from pg_roles where rolname = current_user)
  select format('The schema %1$s belongs to the role %2$s, which is neither the login %3$s nor a superuser. If the schema is this server''s, run: alter schema %1$I owner to %3$I. If it is not, give the server a database of its own',
    nspname, r.rolname, login.rolname) as why
  from pg_namespace join pg_roles r on r.oid = nspowner, login
  where nspname in ('todo', 'todo_auth') and not r.rolsuper and nspowner <> login.oid
    and not (not login.rolsuper and pg_has_role(login.oid, nspowner, 'MEMBER'))
    and not exists (select from history where relowner = nspowner)
  union all
  select 'todo.migrations is not the table that this server creates. Give the server a database of its own' from history where not plain`

/**
 * Refuses schemas of an untrusted role before the login reads or calls anything in them.
 *
 * @throws {WallError} with what to do.
 */
export async function refuseForeign(client: Client): Promise<void> {
  const { rows } = await client.query(FOREIGN_SCHEMAS)
  if (rows.length > 0) throw new WallError(rows[0].why)
}
