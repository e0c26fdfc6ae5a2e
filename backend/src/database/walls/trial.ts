import type { Client } from 'pg'
import { sqlState } from '../errors.ts'
import { TASK_ROLE } from '../session.ts'
import { WallError } from './wall-error.ts'

/** The SQLSTATE that only the block below raises, with the reason as its message. */
const BREACH = 'TD500'

/**
 * The tables of users' rows that requests can access, with a statement of each kind. Referenced tables
 * come first. `%1$L` in the insertion is the user. All ids and all texts are the same in every table, so
 * that a row references those inserted before it.
 */
const SUBJECTS = `
  with recursive owned as (
    select c.oid, format('%I.%I', nspname, relname) as name, attname as owner
    from pg_class c join pg_namespace n on n.oid = relnamespace
    join pg_attribute on attrelid = c.oid and not attisdropped
      and attname = case relname when 'users' then 'id' else 'user_id' end
    where nspname = 'todo' and relkind in ('r', 'p')
      and (has_any_column_privilege('${TASK_ROLE}', c.oid, 'select, insert, update')
        or has_table_privilege('${TASK_ROLE}', c.oid, 'delete'))
  ), depth as (
    select oid, 0 as steps from owned
    union
    select conrelid, steps + 1 from depth join pg_constraint on confrelid = depth.oid
    where contype = 'f' and conrelid <> confrelid and steps < 20
  ), cell as (
    select owned.oid, quote_ident(attname) as column, attnum as place, attname = owner as owns,
      attname = owner or attnotnull and not atthasdef and attidentity = '' as needed,
      has_column_privilege('${TASK_ROLE}', owned.oid, attnum, 'insert') as inserts,
      has_column_privilege('${TASK_ROLE}', owned.oid, attnum, 'update') as updates,
      replace(quote_literal(case
        when typtype = 'e' then (select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder limit 1)
        when typname = 'uuid' then '00000000-0000-7000-8000-000000000000'
        when typname in ('json', 'jsonb') or typcategory = 'A' then '{}'
        when typcategory = 'B' then 'false'
        when typcategory = 'N' then '1'
        when typcategory = 'D' then 'now'
        when typcategory = 'T' then '1 day'
        when typcategory = 'I' then '127.0.0.1'
        else 'wall' end), '%', '%%') as value
    from owned join pg_attribute on attrelid = owned.oid and attnum > 0 and not attisdropped
    join pg_type t on t.oid = atttypid
  )
  select owned.name, bool_and(inserts) filter (where needed) as inserts,
    has_any_column_privilege('${TASK_ROLE}', owned.oid, 'select') as selects,
    'insert into ' || owned.name || ' (' || string_agg(cell.column, ', ' order by place) filter (where needed) || ') values ('
      || string_agg(case when owns then '%1$L' else value end, ', ' order by place) filter (where needed) || ')' as insertion,
    'update ' || owned.name || ' set ' || string_agg(cell.column || ' = ' || value, ', ' order by place)
      filter (where updates and not owns) as change
  from owned join cell on cell.oid = owned.oid
  group by owned.oid, owned.name
  order by (select max(steps) from depth where depth.oid = owned.oid)`

/**
 * A single block, so that it takes one round trip. UPDATE and DELETE have no WHERE, because a statement
 * that reads a column must also pass the policies for SELECT, which would hide a fault of the others.
 */
const TRIAL = `do $trial$
declare
  me constant text := 'wall-' || gen_random_uuid();
  subjects json;
  subject record;
  scope text;
  actor text;
  statement text;
  touched bigint;
begin
  select json_agg(s) into subjects from (${SUBJECTS}) s;
  perform set_config('role', '${TASK_ROLE}', true), set_config('app.user_id', me, true);
  for subject in select * from json_to_recordset(subjects) as s (name text, inserts boolean, selects boolean, insertion text) loop
    continue when not subject.inserts;
    begin
      execute format(subject.insertion, me);
    exception when insufficient_privilege or integrity_constraint_violation or data_exception then
      raise exception using errcode = '${BREACH}', message = format('A user cannot write a row of their own to %s: %s', subject.name, sqlerrm);
    end;
    continue when not subject.selects;
    execute 'select from ' || subject.name;
    get diagnostics touched = row_count;
    if touched <> 1 then
      raise exception using errcode = '${BREACH}', message = format('A user does not see exactly their own rows of %s', subject.name);
    end if;
  end loop;

  foreach scope in array array[me || '-other', ''] loop
    actor := case scope when '' then 'A statement without a user' else 'Another user' end;
    perform set_config('app.user_id', scope, true);
    for subject in select * from json_to_recordset(subjects) as s (name text, insertion text, change text) loop
      foreach statement in array array['select from ' || subject.name || ' limit 1', subject.change, 'delete from ' || subject.name] loop
        continue when statement is null;
        begin
          execute statement;
          get diagnostics touched = row_count;
          if touched > 0 then
            raise exception using errcode = '${BREACH}', message = format('%s reaches rows of %s by %s', actor, subject.name, upper(split_part(statement, ' ', 1)));
          end if;
        exception when insufficient_privilege then null;
        end;
      end loop;
      begin
        execute format(subject.insertion, me);
        raise exception using errcode = '${BREACH}', message = format('%s writes rows of others to %s', actor, subject.name);
      exception
        when insufficient_privilege then null;
        -- PostgreSQL checks policies before keys and constraints.
        when integrity_constraint_violation then
          raise exception using errcode = '${BREACH}', message = format('%s writes rows of others to %s', actor, subject.name);
      end;
    end loop;
  end loop;
end $trial$`

/**
 * Tries every kind of statement on every table of users' rows, as another user and without a user,
 * against the rows of a random test user. It takes the tasks role; the caller must roll back the
 * transaction.
 *
 * @throws {WallError} if a statement reaches rows of another user.
 */
export async function proveVerbs(client: Client): Promise<void> {
  try {
    await client.query(TRIAL)
  } catch (error) {
    if (sqlState(error) !== BREACH || !(error instanceof Error)) throw error
    throw new WallError(
      `${error.message}. Row-level security is not effective on this database. Compare its policies with specs/001-backend-spec-manager/data-model.md`,
      { cause: error },
    )
  }
}
