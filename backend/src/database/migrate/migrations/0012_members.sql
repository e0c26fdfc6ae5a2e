-- Priority, tags and due date of a task, and when it was completed.

alter table todo.tasks
  add column completed_at timestamptz(3),
  add column priority smallint not null default 0
    constraint tasks_priority_check check (priority between 0 and 3),
  add column tags text[] not null default '{}'
    constraint tasks_tags_check check (cardinality(tags) <= 20),
  add column due_date date,
  add column due_time time,
  add column due_zone text,
  -- Of due_date, due_time and due_zone together.
  add column due_at timestamptz(3);
-- next
-- The server reports a violation of the next three as a validation error (database/errors.ts).
alter table todo.tasks add constraint tasks_due_time_check check (due_time is null or due_date is not null);
-- next
alter table todo.tasks add constraint tasks_due_zone_check check (due_zone is null or due_time is not null);
-- next
alter table todo.tasks add constraint tasks_due_at_check
  check (due_at >= '0001-01-01 00:00:00+00' and due_at < '10000-01-01 00:00:00+00');
-- next
-- The time of the last change is the closest that is known of tasks that are completed already. Their numbers and
-- versions stay. The table is locked until this migration has ended.
alter table todo.tasks no force row level security;
-- next
alter table todo.tasks disable trigger refuse_unnumbered;
-- next
update todo.tasks set completed_at = updated_at where completed;
-- next
alter table todo.tasks enable trigger refuse_unnumbered;
-- next
alter table todo.tasks force row level security;
-- next
grant update (completed_at, priority, tags, due_date, due_time, due_zone, due_at) on todo.tasks to todo_user;
-- next
-- The instant of a date and a time on the clocks of a zone. A time that a clock skips is moved forward by the
-- length of the gap. Of a time that a clock shows twice, PostgreSQL takes the second; this takes the first, as RFC
-- 5545 does: the one with the offset from UTC of the day before.
create function todo.due_at(due_date date, due_time time, due_zone text) returns timestamptz
language plpgsql stable strict set search_path = '' as $$
declare
  clock constant timestamp := due_date + due_time;
  later timestamptz;
  earlier timestamptz;
begin
  later := clock at time zone due_zone;
  earlier := later + (clock - ((later - interval '24 hours') at time zone due_zone) - interval '24 hours');
  if earlier < later and earlier at time zone due_zone = clock then
    return earlier;
  end if;
  return later;
exception
  when invalid_parameter_value then
    raise exception 'the database does not know the time zone' using errcode = 'TD422';
end $$;
-- next
revoke execute on function todo.due_at from public;
-- next
grant execute on function todo.due_at to todo_user;
-- next
-- As before, and also without the tags.
create or replace function todo.purge_tasks(trash_days integer, most integer) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  before constant text := coalesce(current_setting('todo.purge', true), '');
  emptied bigint;
  forgotten bigint;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('todo.purge_tasks', 0)) then
    return 0;
  end if;
  perform set_config('todo.purge', 'on', true);
  update todo.tasks set title = '', description = null, tags = '{}', purged_at = now()
  where (user_id, id) in (
    select user_id, id from todo.tasks
    where deleted_at < now() - make_interval(days => trash_days) and purged_at is null
    order by deleted_at limit most for update skip locked
  );
  get diagnostics emptied = row_count;
  delete from todo.tasks
  where (user_id, id) in (
    select user_id, id from todo.tasks
    where deleted_at < now() - interval '31 days' and purged_at is not null
    order by deleted_at limit most for update skip locked
  );
  get diagnostics forgotten = row_count;
  perform set_config('todo.purge', before, true);
  return emptied + forgotten;
end $$;
