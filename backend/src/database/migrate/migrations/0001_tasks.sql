-- Users, tasks, and the two walls' second half: a role that owns nothing, and row level security.

-- Roles belong to the whole cluster, so another database of it may have made this one already.
do $$
begin
  if exists (select from pg_roles where rolname = 'todo_user') then
    return;
  end if;
  create role todo_user nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
exception
  when duplicate_object or unique_violation then null;
end $$;

-- The login may take the role, and gains nothing from it until it does. A superuser may anyway.
-- PostgreSQL 15 knows membership alone; from 16 on taking and inheriting a role are told apart.
do $$
declare
  told_apart constant boolean := current_setting('server_version_num')::int >= 160000;
begin
  if pg_has_role(current_user, 'todo_user', case when told_apart then 'set' else 'member' end) then
    return;
  end if;
  execute format(
    'grant todo_user to %I' || case when told_apart then ' with inherit false, set true' else '' end,
    current_user
  );
end $$;

create table todo.users (
  id text collate "C" primary key check (char_length(id) between 1 and 255),
  created_at timestamptz(3) not null default now()
);

create table todo.tasks (
  user_id text collate "C" not null references todo.users (id) on delete cascade,
  id uuid not null,
  title text not null check (char_length(title) between 1 and 500),
  description text check (char_length(description) <= 16384),
  completed boolean not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  primary key (user_id, id)
);

grant usage on schema todo to todo_user;
grant insert (id) on todo.users to todo_user;
grant select, insert, delete on todo.tasks to todo_user;
grant update (title, description, completed, updated_at) on todo.tasks to todo_user;

-- Forced, so that it holds for the owner too. An unset scope is '' or null, and matches nothing.
alter table todo.users enable row level security;
alter table todo.users force row level security;
create policy own_user on todo.users
  using (id = (select nullif(current_setting('app.user_id', true), '')))
  with check (id = (select nullif(current_setting('app.user_id', true), '')));

alter table todo.tasks enable row level security;
alter table todo.tasks force row level security;
create policy own_tasks on todo.tasks
  using (user_id = (select nullif(current_setting('app.user_id', true), '')))
  with check (user_id = (select nullif(current_setting('app.user_id', true), '')));
