import { ACCOUNTS_ROLE } from '../accounts/account-query.ts'
import { TASK_ROLE } from '../session.ts'

const ROLES = `('${TASK_ROLE}', '${ACCOUNTS_ROLE}')`

/** The schemas, the objects in them, and the roles of requests. */
const OURS = `
  role as (select oid, rolname from pg_roles where rolname in ${ROLES}),
  schema as (select oid, quote_ident(nspname) as name, nspowner as owner, nspacl as acl
    from pg_namespace where nspname in ('todo', 'todo_auth')),
  relation as (select c.oid, schema.name || '.' || quote_ident(relname) as name, relname, relkind,
      relowner as owner, relacl as acl, relrowsecurity, relforcerowsecurity
    from pg_class c join schema on schema.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
  routine as (select p.*, p.oid::regprocedure::text as name
    from pg_proc p join schema on schema.oid = pronamespace)`

/** The grants, except those to the object's owner, whose name differs between installations. */
const GRANTS = `
  granted as (
    select ' on schema ' || name as object, null as relation, owner, acl, 'n' as type from schema
    union all select case relkind when 'S' then ' on sequence ' else ' on table ' end || name, name, owner, acl,
      case relkind when 'S' then 's' else 'r' end from relation
    union all select ' (' || quote_ident(attname) || ') on table ' || r.name, r.name, owner, attacl, null
      from relation r join pg_attribute on attrelid = r.oid where attacl is not null
    union all select case prokind when 'p' then ' on procedure ' else ' on function ' end || name, null, proowner, proacl, 'f'
      from routine
  ),
  grants as (
    select lower(privilege_type) || object || ' to '
        || case grantee when 0 then 'public' else quote_ident(rolname) end as name,
      relation, case when is_grantable then 'with grant option' else '' end as definition
    from granted cross join lateral aclexplode(coalesce(acl, acldefault(type::"char", owner)))
    left join pg_roles r on r.oid = grantee
    where grantee <> owner and (grantee = 0 or rolname in ${ROLES}
      -- The operator may grant other privileges to any role. With these two a role's functions run in requests.
      or (privilege_type in ('TRIGGER', 'REFERENCES') and not rolsuper))
  )`

const TABLES = `
  select 'table' as kind, name, name as relation, case when relrowsecurity then 'row level security enabled'
    else 'row level security disabled' end || case when relforcerowsecurity then ', forced' else '' end as definition
  from relation where relkind in ('r', 'p')
  union all
  select 'column', r.name || '.' || quote_ident(attname), r.name, format_type(atttypid, atttypmod)
    || coalesce(' collate ' || quote_ident(collname), '') || case when attnotnull then ' not null' else '' end
    || case attgenerated when '' then '' else ' generated' end
    || case attidentity when '' then '' else ' identity' end
    || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
  from relation r join pg_attribute on attrelid = r.oid and attnum > 0 and not attisdropped
  left join pg_attrdef on adrelid = r.oid and adnum = attnum
  left join pg_collation l on l.oid = attcollation
  where relkind in ('r', 'p')
  union all
  -- Triggers enforce a foreign key, and can be disabled. PostgreSQL 18 lists NOT NULL here.
  select 'constraint', quote_ident(conname) || ' on ' || r.name, r.name, pg_get_constraintdef(k.oid)
    || case when exists (select from pg_trigger t where tgconstraint = k.oid and tgenabled not in ('O', 'A'))
      then ', with triggers disabled' else '' end
  from relation r join pg_constraint k on conrelid = r.oid where contype <> 'n'
  union all
  select 'foreign key', quote_ident(conname) || ' on ' || conrelid::regclass, r.name, pg_get_constraintdef(k.oid)
  from relation r join pg_constraint k on confrelid = r.oid and contype = 'f'
  where conrelid not in (select oid from relation)
  union all
  select 'child table', inhrelid::regclass::text, r.name, ''
  from relation r join pg_inherits on inhparent = r.oid`

const CODE = `
  select 'policy' as kind, quote_ident(polname) || ' on ' || r.name as name, r.name as relation,
    'as ' || case when polpermissive then 'permissive' else 'restrictive' end || ' for '
    || case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end
    || ' to ' || (select string_agg(case to_role when 0 then 'public' when owner then '<owner of the table>'
      else quote_ident(pg_get_userbyid(to_role)) end, ', ' order by to_role) from unnest(polroles) to_role)
    || coalesce(' using (' || pg_get_expr(polqual, polrelid) || ')', '')
    || coalesce(' with check (' || pg_get_expr(polwithcheck, polrelid) || ')', '') as definition
  from relation r join pg_policy on polrelid = r.oid
  -- A policy for a role that no request uses, such as one for reports, concerns only that role.
  where exists (select from unnest(polroles) to_role where to_role in (0, owner)
    or exists (select from role where pg_has_role(role.oid, nullif(to_role, 0), 'MEMBER')))
  union all
  select 'trigger', quote_ident(tgname) || ' on ' || r.name, r.name, pg_get_triggerdef(t.oid)
    || case tgenabled when 'D' then ', disabled' when 'R' then ', enabled on replicas alone' else '' end
  from relation r join pg_trigger t on tgrelid = r.oid where not tgisinternal
  union all
  select 'rule', quote_ident(rulename) || ' on ' || r.name, r.name, pg_get_ruledef(w.oid)
  from relation r join pg_rewrite w on ev_class = r.oid where rulename <> '_RETURN'
  union all
  select 'function', name, null, 'returns ' || format_type(prorettype, null) || ' language ' || lanname
    || case provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end
    || case when prosecdef then ' security definer' else '' end
    || case when proisstrict then ' strict' else '' end || case when proleakproof then ' leakproof' else '' end
    || coalesce(' set ' || array_to_string(proconfig, ' set '), '')
    || ' as ' || coalesce(pg_get_function_sqlbody(f.oid), prosrc)
  from routine f join pg_language l on l.oid = prolang
  union all
  select distinct 'grant', name, relation, definition from grants
  union all
  select distinct 'default privileges', 'for role ' || quote_ident(pg_get_userbyid(defaclrole))
      || coalesce(' in schema ' || schema.name, '') || ' revoke all on '
      || case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end
      || ' from ' || coalesce(quote_ident(rolname), 'public'), null, ''
  from pg_default_acl d left join schema on schema.oid = defaclnamespace
  cross join lateral aclexplode(defaclacl) left join pg_roles r on r.oid = grantee
  where (schema.oid is not null or defaclnamespace = 0 and defaclrole in (select owner from schema))
    and (rolname in ${ROLES} or grantee = 0 and defaclobjtype in ('r', 'S', 'n'))
  union all
  select 'setting', 'session_replication_role', null, current_setting('session_replication_role')`

/** Views, rules and functions in other schemas that give requests their owner's access to our tables. */
const DETOURS = `
  select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table with a rule' end as kind,
    c.oid::regclass::text as name, null as relation, '' as definition
  from reaching join pg_class c on c.oid = reaching.oid
  where c.oid not in (select oid from relation)
    and not (relkind = 'v' and coalesce((select option_value::boolean from pg_options_to_table(reloptions)
      where option_name = 'security_invoker'), false))
    and exists (select from role where has_schema_privilege(role.oid, relnamespace, 'usage')
      and (has_any_column_privilege(role.oid, c.oid, 'select, insert, update') or has_table_privilege(role.oid, c.oid, 'delete')))
  union all
  select 'function elsewhere', p.oid::regprocedure::text, null, ''
  from pg_proc p cross join lateral (select lower(coalesce(pg_get_function_sqlbody(p.oid), prosrc)) as body) source
  cross join (select '(' || string_agg(regexp_replace(relname, '\\W', '.', 'g'), '|') || ')' as names
    from relation where relkind in ('r', 'p')) ours
  where prosecdef and pronamespace not in (select oid from schema)
    and exists (select from role where has_schema_privilege(role.oid, pronamespace, 'usage')
      and has_function_privilege(role.oid, p.oid, 'execute'))
    and (body ~ ('\\mtodo(_auth)?"?\\s*\\.\\s*"?' || names || '\\M')
      or body ~ ('\\m' || names || '\\M') and (
        array_to_string(proconfig, ' ') ~ 'search_path=.*\\mtodo(_auth)?\\M'
        or body ~ 'search_path[^;]*\\mtodo(_auth)?\\M'
        or body ~ '\\mexecute\\M' and body ~ '''todo(_auth)?'''))`

/**
 * Selects every object, privilege and setting that decides about access to the rows: kind, name, the relation
 * that it belongs to, and definition. It reads only the system catalogue. The result does not depend on the
 * supported version of PostgreSQL or on the owner of the tables.
 */
export const CATALOGUE = `
  with recursive ${OURS}, ${GRANTS},
  reaching as (
    select oid from relation
    union
    select ev_class from reaching join pg_depend on refclassid = 'pg_class'::regclass
      and refobjid = reaching.oid and classid = 'pg_rewrite'::regclass
    join pg_rewrite w on w.oid = objid
  )
  ${TABLES} union all ${CODE} union all ${DETOURS}
  order by kind, name`
