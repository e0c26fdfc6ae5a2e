-- Every change of a task takes the next number of its user, so that a feed can read the changes in order. A
-- deleted task keeps its row: in the trash with its text, afterwards without, so that the feed tells of it.

alter table todo.users add column seq bigint not null default 0;
-- next
-- Leaves room on each page, so that counting does not write to an index (HOT).
alter table todo.users set (fillfactor = 70);
-- next
alter table todo.tasks add column seq bigint;
-- next
alter table todo.tasks add column deleted_at timestamptz(3);
-- next
-- When the text was overwritten. The row remains without it.
alter table todo.tasks add column purged_at timestamptz(3);
-- next
-- The task of the response, whose text is overwritten with the task's.
alter table todo.idempotency_keys add column task_id uuid;
-- next
-- The policies hold for the owner too. These three tables are locked until this migration has ended.
alter table todo.users no force row level security;
-- next
alter table todo.tasks no force row level security;
-- next
alter table todo.idempotency_keys no force row level security;
-- next
update todo.tasks t set seq = n.seq
from (select user_id, id, row_number() over (partition by user_id order by id) as seq from todo.tasks) n
where t.user_id = n.user_id and t.id = n.id;
-- next
update todo.users u set seq = n.seq
from (select user_id, max(seq) as seq from todo.tasks group by user_id) n
where u.id = n.user_id;
-- next
update todo.idempotency_keys set task_id = (answer::json ->> 'id')::uuid;
-- next
alter table todo.users force row level security;
-- next
alter table todo.tasks force row level security;
-- next
alter table todo.idempotency_keys force row level security;
-- next
alter table todo.tasks alter column seq set not null;
-- next
alter table todo.tasks drop constraint tasks_title_check;
-- next
alter table todo.tasks add constraint tasks_title_check
  check (purged_at is not null or char_length(title) between 1 and 500);
-- next
alter table todo.tasks add constraint tasks_purged_at_check check (purged_at is null or deleted_at is not null);
-- next
create index tasks_seq on todo.tasks (user_id, seq);
-- next
create index tasks_trash on todo.tasks (user_id, seq) where deleted_at is not null and purged_at is null;
-- next
-- The next two are for the deletion of what has expired, of all users.
create index tasks_trashed_at on todo.tasks (deleted_at) where deleted_at is not null and purged_at is null;
-- next
create index tasks_tombstones on todo.tasks (deleted_at) where purged_at is not null;
-- next
create index idempotency_keys_task on todo.idempotency_keys (user_id, task_id);
-- next
grant select (seq), insert (seq), update (seq) on todo.users to todo_user;
-- next
revoke delete on todo.tasks from todo_user;
-- next
grant update (seq, deleted_at, purged_at) on todo.tasks to todo_user;
-- next
grant select (task_id), insert (task_id), update (answer) on todo.idempotency_keys to todo_user;
-- next
-- Statements of the server take a number. This refuses others, such as those of older versions.
create function todo.refuse_unnumbered() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'a change of a task takes the next number of its user' using errcode = 'TD501';
end $$;
-- next
revoke execute on function todo.refuse_unnumbered from public;
-- next
create trigger refuse_unnumbered before update on todo.tasks for each row
  when (new.seq <= old.seq and new.purged_at is null)
  execute function todo.refuse_unnumbered();
-- next
-- The owner reaches deleted tasks of all users, in the function below only.
create policy purge on todo.tasks to current_user
  using (deleted_at is not null and current_setting('todo.purge', true) = 'on')
  with check (deleted_at is not null and current_setting('todo.purge', true) = 'on');
-- next
-- Overwrites the text of at most `most` tasks that have been in the trash for longer, and deletes at most
-- `most` rows of deleted tasks. Tokens of the feed are good for 30 days, so each row stays for 31. One
-- transaction at a time does this. Returns how many rows it changed, and nothing about them.
create function todo.purge_tasks(trash_days integer, most integer) returns bigint
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
  update todo.tasks set title = '', description = null, purged_at = now()
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
-- next
revoke execute on function todo.purge_tasks from public;
-- next
grant execute on function todo.purge_tasks to todo_user;
-- next
-- Tokens of the feed name the epoch. It changes when the database is restored, because the numbers begin
-- again then.
create table todo.feed (
  id boolean primary key default true constraint feed_id_check check (id),
  epoch integer not null,
  -- The database that the epoch belongs to.
  database oid not null
);
-- next
insert into todo.feed (epoch, database)
select ('x' || substr(gen_random_uuid()::text, 1, 8))::bit(32)::integer, oid
from pg_database where datname = current_database();
-- next
alter table todo.feed enable row level security;
-- next
alter table todo.feed force row level security;
-- next
create policy feed_of_all on todo.feed using (true) with check (true);
-- next
grant select on todo.feed to todo_user;
