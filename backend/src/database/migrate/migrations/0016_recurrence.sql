-- Tasks that recur. Each occurrence is a task of its own; completing one makes the next.

alter table todo.tasks
  -- {"rule": "FREQ=WEEKLY", "from": "due"}
  add column recurrence jsonb,
  -- The same for all occurrences.
  add column series_id uuid,
  -- The due date of the occurrence that got the rule.
  add column series_start date,
  -- The date that the rule gave to this occurrence, whose due date may have been changed.
  add column series_date date,
  -- Of this occurrence, beginning with 1.
  add column series_number integer,
  -- The occurrence that the completion of this one made. The nil UUID: there was none to make.
  add column next_id uuid;
-- next
-- The server reports a violation as a validation error (database/errors.ts).
alter table todo.tasks add constraint tasks_recurrence_check check (recurrence is null or due_date is not null);
-- next
-- Triggers set the other columns.
grant update (recurrence) on todo.tasks to todo_user;
-- next
-- A new rule begins to count with this task.
create function todo.begin_series() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.series_id := coalesce(new.series_id, gen_random_uuid());
  new.series_start := new.due_date;
  new.series_date := new.due_date;
  new.series_number := 1;
  if tg_op = 'UPDATE' and not old.completed then
    new.next_id := null;
  end if;
  return new;
end $$;
-- next
revoke execute on function todo.begin_series from public;
-- next
-- An occurrence that follows another one has a number already.
create trigger begin_series_of_new before insert on todo.tasks for each row
  when (new.recurrence is not null and new.series_number is null)
  execute function todo.begin_series();
-- next
create trigger begin_series before update on todo.tasks for each row
  when (new.recurrence is not null and new.recurrence is distinct from old.recurrence)
  execute function todo.begin_series();
-- next
-- The server computes the date of the next occurrence from these facts. The setting todo.next has the dates that it
-- has computed, by the id of the completed task: {"<id>": {"of": <facts>, "date": "…"}}, without a date if the series ends.
-- Without the date of these very facts, the statement fails with them, and the server tries again.
create function todo.end_occurrence() returns trigger
language plpgsql set search_path = '' as $$
declare
  facts constant jsonb := jsonb_build_object(
    'id', new.id, 'recurrence', new.recurrence, 'zone', new.due_zone, 'due', new.due_date,
    'start', new.series_start, 'date', new.series_date, 'number', new.series_number
  );
  following constant jsonb := nullif(current_setting('todo.next', true), '')::jsonb -> new.id::text;
begin
  if following -> 'of' is distinct from facts then
    raise exception 'the next occurrence is not known yet' using errcode = 'TD303', detail = facts::text;
  end if;
  -- A UUIDv7. Its last 62 bits are those of a random UUID.
  new.next_id := case when following ? 'date'
    then (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
      || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
    else '00000000-0000-0000-0000-000000000000' end;
  return new;
end $$;
-- next
revoke execute on function todo.end_occurrence from public;
-- next
-- Triggers of a row run in the order of their names, so this one sees a series that the same change began.
create trigger end_occurrence before update on todo.tasks for each row
  when (new.completed and not old.completed and new.recurrence is not null and new.next_id is null)
  execute function todo.end_occurrence();
-- next
-- Makes the next occurrence: a copy of the completed one with another date, and open copies of its children. Of a child
-- that recurs, only the last occurrence is copied.
create function todo.make_occurrence() returns trigger
language plpgsql set search_path = '' as $$
declare
  made timestamptz(3) := now();
  next_date constant date := nullif(current_setting('todo.next', true), '')::jsonb -> new.id::text ->> 'date';
  last bigint;
  children bigint;
  changes jsonb;
begin
  update todo.users set seq = seq + 1 where id = new.user_id returning seq into last;
  changes := jsonb_build_object('completed', false, 'completed_at', null, 'created_at', made, 'updated_at', made);
  insert into todo.tasks
  select (jsonb_populate_record(new, changes || jsonb_build_object(
    'id', new.next_id, 'seq', last, 'next_id', null, 'due_date', next_date,
    'due_at', todo.due_at(next_date, new.due_time, new.due_zone),
    'series_date', next_date, 'series_number', new.series_number + 1
  ))).*;
  with copies as (
    select jsonb_populate_record(t, changes || jsonb_build_object(
      'id', lpad(to_hex((extract(epoch from made) * 1000)::bigint), 12, '0') || '7'
        || substr(replace(gen_random_uuid()::text, '-', ''), 14),
      'seq', last + row_number() over (order by t.id), 'parent_id', new.next_id,
      'recurrence', null, 'series_id', null, 'series_start', null, 'series_date', null, 'series_number', null, 'next_id', null
    )) as copy
    from todo.tasks t where t.user_id = new.user_id and t.parent_id = new.id and t.deleted_at is null
      and (t.next_id is null or t.next_id = '00000000-0000-0000-0000-000000000000')
  )
  insert into todo.tasks select (copy).* from copies;
  get diagnostics children = row_count;
  update todo.users set seq = last + children where id = new.user_id and children > 0;
  return null;
end $$;
-- next
revoke execute on function todo.make_occurrence from public;
-- next
create trigger make_occurrence after update on todo.tasks for each row
  when (
    new.completed and not old.completed and old.next_id is null
    and new.next_id is not null and new.next_id <> '00000000-0000-0000-0000-000000000000'
  )
  execute function todo.make_occurrence();
-- next
-- A completed occurrence is open again: the next one goes, unless somebody has changed it or a child of it. One that was
-- deleted does not count any more.
create function todo.reopen_occurrence() returns trigger
language plpgsql set search_path = '' as $$
declare
  last bigint;
  gone bigint;
begin
  if new.next_id = '00000000-0000-0000-0000-000000000000' then
    new.next_id := null;
    return new;
  end if;
  if not exists (
    select 1 from todo.tasks where user_id = new.user_id and id = new.next_id and deleted_at is null
  ) then
    new.next_id := null;
    return new;
  end if;
  if new.parent_id = new.next_id or exists (
    select 1 from todo.tasks t
    where t.user_id = new.user_id and (t.id = new.next_id or t.parent_id = new.next_id)
      and (t.updated_at <> t.created_at or t.created_at <> (
        select created_at from todo.tasks where user_id = new.user_id and id = new.next_id
      ))
  ) then
    return new;
  end if;
  select seq into last from todo.users where id = new.user_id;
  update todo.tasks t set
    title = '', description = null, tags = '{}', folded_title = '', folded_description = null, folded_tags = '{}',
    purged_at = now(), deleted_at = now(), seq = last + n.number
  from (
    select id, row_number() over (order by id) as number from todo.tasks
    where user_id = new.user_id and (id = new.next_id or parent_id = new.next_id)
  ) n
  where t.user_id = new.user_id and t.id = n.id;
  get diagnostics gone = row_count;
  update todo.users set seq = last + gone where id = new.user_id;
  new.next_id := null;
  return new;
end $$;
-- next
revoke execute on function todo.reopen_occurrence from public;
-- next
create trigger reopen_occurrence before update on todo.tasks for each row
  when (old.completed and not new.completed and new.next_id is not null)
  execute function todo.reopen_occurrence();
