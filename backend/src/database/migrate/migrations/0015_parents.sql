-- A task may be part of another one: a checklist, one level deep.

alter table todo.tasks add column parent_id uuid;
-- next
-- For the children of a task. Tasks without a parent are not in it.
create index tasks_parent on todo.tasks (user_id, parent_id) where parent_id is not null;
-- next
grant update (parent_id) on todo.tasks to todo_user;
-- next
-- The statement has locked the user before, and each query here has a snapshot of its own, so it sees what
-- concurrent statements of the user have committed. A restore of a backup may insert children before their
-- parents, and take_children has its parent at hand.
create function todo.check_parent() returns trigger
language plpgsql set search_path = '' as $$
begin
  if current_setting('todo.backup', true) = 'on' or pg_trigger_depth() > 1 then
    return new;
  end if;
  if new.parent_id = new.id
    or not exists (
      select 1 from todo.tasks
      where user_id = new.user_id and id = new.parent_id and deleted_at is null and parent_id is null
    )
    or exists (
      select 1 from todo.tasks where user_id = new.user_id and parent_id = new.id and deleted_at is null
    )
    or (
      select count(*) from todo.tasks
      where user_id = new.user_id and parent_id = new.parent_id and deleted_at is null
    ) >= 500
  then
    -- The server reports the first as a validation error (database/errors.ts).
    raise exception 'the task cannot have this parent' using
      errcode = case when tg_op = 'INSERT' or old.deleted_at is null then 'check_violation' else 'TD409' end,
      constraint = 'tasks_parent_id_check';
  end if;
  return new;
end $$;
-- next
revoke execute on function todo.check_parent from public;
-- next
create trigger check_parent_of_new before insert on todo.tasks for each row
  when (new.parent_id is not null and new.deleted_at is null)
  execute function todo.check_parent();
-- next
create trigger check_parent before update on todo.tasks for each row
  when (
    new.parent_id is not null and new.deleted_at is null
    and (new.parent_id is distinct from old.parent_id or old.deleted_at is not null)
  )
  execute function todo.check_parent();
-- next
-- A task takes its children to the trash, and out of it those that it took. Each has a number of its own.
create function todo.take_children() returns trigger
language plpgsql set search_path = '' as $$
declare
  before bigint;
  taken bigint;
begin
  select seq into before from todo.users where id = new.user_id;
  update todo.tasks t set
    deleted_at = new.deleted_at,
    updated_at = greatest(now(), t.updated_at + interval '1 millisecond'),
    seq = before + moved.number
  from (
    select id, row_number() over (order by id) as number from todo.tasks
    where user_id = new.user_id and parent_id = new.id and purged_at is null
      and deleted_at is not distinct from old.deleted_at
  ) moved
  where t.user_id = new.user_id and t.id = moved.id and t.purged_at is null;
  get diagnostics taken = row_count;
  if taken > 0 then
    update todo.users set seq = before + taken where id = new.user_id;
  end if;
  return null;
end $$;
-- next
revoke execute on function todo.take_children from public;
-- next
create trigger take_children after update on todo.tasks for each row
  when (new.parent_id is null and new.deleted_at is distinct from old.deleted_at)
  execute function todo.take_children();
