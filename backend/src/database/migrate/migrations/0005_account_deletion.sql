-- An account with very many tasks is marked as deleted at once, and its tasks are deleted in pieces: all
-- of them in one statement would take longer than a statement may.

alter table todo.users add column deleted_at timestamptz(3);
-- next
create index users_deleted on todo.users (id) where deleted_at is not null;
-- next
-- Statements on tasks ask whether their user is marked.
grant select (id, deleted_at) on todo.users to todo_user;
-- next
-- Null while there are tasks or keys left. Of the accounts deleted so far nothing is.
alter table todo_auth.deleted_user add column emptied_at timestamptz default now();
-- next
alter table todo_auth.deleted_user alter column emptied_at drop default;
-- next
create index deleted_user_not_emptied on todo_auth.deleted_user (deleted_at) where emptied_at is null;
-- next
-- As before (0002_accounts.sql), but for accounts with more than a thousand tasks or keys.
create or replace function todo_auth.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant text := coalesce(current_setting('app.user_id', true), '');
  is_large boolean;
begin
  perform set_config('app.user_id', old.id, true);
  insert into todo.users (id) values (old.id) on conflict do nothing;
  is_large := exists (select from todo.tasks where user_id = old.id offset 1000)
    or exists (select from todo.idempotency_keys where user_id = old.id offset 1000);
  insert into todo_auth.deleted_user (id, emptied_at)
  values (old.id, case when not is_large then now() end)
  on conflict do nothing;
  if is_large then
    update todo.users set deleted_at = now() where id = old.id;
  else
    delete from todo.users where id = old.id;
  end if;
  perform set_config('app.user_id', before, true);
  return null;
end $$;
-- next
-- Deletes a piece of what deleted accounts have left, of one account at a time. False: nothing is left.
-- The last piece takes the user with it, and whatever was made at the moment of the deletion.
create function todo_auth.empty_deleted_user(most integer) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  before constant text := coalesce(current_setting('app.user_id', true), '');
  gone text;
  tasks integer;
  keys integer;
begin
  select id into gone from todo_auth.deleted_user where emptied_at is null
  order by deleted_at limit 1 for update skip locked;
  if gone is null then
    return false;
  end if;
  perform set_config('app.user_id', gone, true);
  delete from todo.tasks where user_id = gone
    and id in (select id from todo.tasks where user_id = gone limit most);
  get diagnostics tasks = row_count;
  delete from todo.idempotency_keys where user_id = gone
    and key in (select key from todo.idempotency_keys where user_id = gone limit most);
  get diagnostics keys = row_count;
  if tasks < most and keys < most then
    delete from todo.users where id = gone;
    update todo_auth.deleted_user set emptied_at = now() where id = gone;
  end if;
  perform set_config('app.user_id', before, true);
  return true;
end $$;
-- next
revoke execute on function todo_auth.empty_deleted_user from public;
-- next
grant execute on function todo_auth.empty_deleted_user to todo_accounts;
