import type { Client } from 'pg'
import { TASK_ROLE } from '../session.ts'

/** A table of users' rows that requests can access, with a statement of each kind. */
export interface Subject {
  /** Quoted where SQL needs it, with its schema. */
  readonly name: string
  /** Whether the role may insert a row. */
  readonly inserts: boolean
  /** Whether the role may read a column. */
  readonly selects: boolean
  /** A format of `format()`: `%1$L` is the user. */
  readonly insertion: string
  /** Null if the role may change no column. */
  readonly change: string | null
}

/**
 * Derived from the catalogue, so that a new table needs no entry here. Referenced tables come first. All
 * ids and all texts are the same in every table, so that a row references those inserted before it.
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

/** @returns every {@link Subject} of this database, the referenced ones first. */
export async function readSubjects(client: Client): Promise<Subject[]> {
  const { rows } = await client.query<Subject>(SUBJECTS)
  return rows
}
