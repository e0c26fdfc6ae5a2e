-- A statement calls only the triggers of the columns that it sets. PostgreSQL reads the condition of a trigger from
-- text for each statement that may call it, which took a tenth of the time of a change. So conditions are short, and
-- the functions check the rest.

create or replace trigger check_parent before update of parent_id, deleted_at on todo.tasks for each row
  when (
    new.parent_id is not null and new.deleted_at is null
    and (new.parent_id is distinct from old.parent_id or old.deleted_at is not null)
  )
  execute function todo.check_parent();
-- next
create or replace trigger take_children after update of deleted_at on todo.tasks for each row
  when (new.parent_id is null and new.deleted_at is distinct from old.deleted_at)
  execute function todo.take_children();
-- next
create or replace trigger begin_series before update of recurrence on todo.tasks for each row
  when (new.recurrence is not null and new.recurrence is distinct from old.recurrence)
  execute function todo.begin_series();
-- next
-- The facts that determine the date of the next occurrence. Their text is the name of the date in the setting todo.next.
create function todo.occurrence_facts(task todo.tasks) returns text
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', task.id, 'recurrence', task.recurrence, 'zone', task.due_zone, 'due', task.due_date,
    'start', task.series_start, 'date', task.series_date, 'number', task.series_number
  )::text
$$;
-- next
revoke execute on function todo.occurrence_facts from public;
-- next
grant execute on function todo.occurrence_facts to todo_user;
-- next
-- The setting todo.next has the dates that the server has computed: {"<facts>": {"date": "…"}}, without a date if the
-- series ends. Without the setting, the statement fails with the facts. With a setting that lacks them, the task is
-- completed without a next occurrence, the facts are noted, and todo.refuse_without_dates fails with all that were noted.
create or replace function todo.end_occurrence() returns trigger
language plpgsql set search_path = '' as $$
declare
  facts constant text := todo.occurrence_facts(new);
  given constant jsonb := nullif(current_setting('todo.next', true), '')::jsonb;
begin
  if not new.completed or old.completed then
    return new;
  end if;
  if given is null then
    raise exception 'the next occurrence is not known yet' using errcode = 'TD303', detail = facts;
  end if;
  if not given ? facts then
    perform set_config('todo.needed', concat_ws(e'\n', nullif(current_setting('todo.needed', true), ''), facts), true);
    return new;
  end if;
  -- A UUIDv7. Its last 62 bits are those of a random UUID.
  new.next_id := case when given -> facts ? 'date'
    then (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
      || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
    else '00000000-0000-0000-0000-000000000000' end;
  return new;
end $$;
-- next
create function todo.refuse_without_dates() returns boolean
language plpgsql set search_path = '' as $$
begin
  if current_setting('todo.needed', true) <> '' then
    raise exception 'the next occurrences are not known yet' using errcode = 'TD303',
      detail = current_setting('todo.needed', true);
  end if;
  return false;
end $$;
-- next
revoke execute on function todo.refuse_without_dates from public;
-- next
grant execute on function todo.refuse_without_dates to todo_user;
-- next
create or replace trigger end_occurrence before update of completed on todo.tasks for each row
  when (new.recurrence is not null and new.next_id is null)
  execute function todo.end_occurrence();
-- next
-- As before, and within bounds: a transaction copies at most 2 000 children, and a task has at most 500.
-- PostgreSQL calls a function in FROM once, and one in (f(…)).* once for each column.
create or replace function todo.make_occurrence() returns trigger
language plpgsql set search_path = '' as $$
declare
  made timestamptz(3) := now();
  next_date date;
  last bigint;
  children bigint;
  changes jsonb;
  copied bigint := coalesce(nullif(current_setting('todo.copied', true), '')::bigint, 0);
begin
  if not new.completed or old.completed or new.next_id = '00000000-0000-0000-0000-000000000000' then
    return null;
  end if;
  if new.parent_id is not null and (
    select count(*) from todo.tasks
    where user_id = new.user_id and parent_id = new.parent_id and deleted_at is null
  ) >= 500 then
    raise exception 'the parent has no place for the next occurrence' using errcode = 'TD419';
  end if;
  next_date := nullif(current_setting('todo.next', true), '')::jsonb -> todo.occurrence_facts(new) ->> 'date';
  update todo.users set seq = seq + 1 where id = new.user_id returning seq into last;
  changes := jsonb_build_object('completed', false, 'completed_at', null, 'created_at', made, 'updated_at', made);
  insert into todo.tasks
  select occurrence.* from jsonb_populate_record(new, changes || jsonb_build_object(
    'id', new.next_id, 'seq', last, 'next_id', null, 'due_date', next_date,
    'due_at', todo.due_at(next_date, new.due_time, new.due_zone),
    'series_date', next_date, 'series_number', new.series_number + 1
  )) occurrence;
  insert into todo.tasks
  select copy.* from (
    select t, row_number() over (order by t.id) as number
    from todo.tasks t where t.user_id = new.user_id and t.parent_id = new.id and t.deleted_at is null
      and (t.next_id is null or t.next_id = '00000000-0000-0000-0000-000000000000')
  ) child, jsonb_populate_record(child.t, changes || jsonb_build_object(
    'id', lpad(to_hex((extract(epoch from made) * 1000)::bigint), 12, '0') || '7'
      || substr(replace(gen_random_uuid()::text, '-', ''), 14),
    'seq', last + child.number, 'parent_id', new.next_id,
    'recurrence', null, 'series_id', null, 'series_start', null, 'series_date', null, 'series_number', null, 'next_id', null
  )) copy;
  get diagnostics children = row_count;
  update todo.users set seq = last + children where id = new.user_id and children > 0;
  copied := copied + children;
  if copied > 2000 then
    raise exception 'the transaction copies too many children' using errcode = 'TD413';
  end if;
  perform set_config('todo.copied', copied::text, true);
  return null;
end $$;
-- next
create or replace trigger make_occurrence after update of completed on todo.tasks for each row
  when (old.next_id is null and new.next_id is not null)
  execute function todo.make_occurrence();
-- next
create or replace trigger reopen_occurrence before update of completed on todo.tasks for each row
  when (old.completed and not new.completed and new.next_id is not null)
  execute function todo.reopen_occurrence();
-- next
-- The folded form of an empty title is empty.
create or replace trigger fold_task before insert on todo.tasks for each row
  when (new.folded_title = '')
  execute function todo.fold_task();
