-- Accounts: Better Auth's tables in a schema of their own, the role that reaches them and nothing
-- else, and what is left of a deleted account.

-- Made and granted as todo_user is (0001_tasks.sql).
do $$
begin
  if exists (select from pg_roles where rolname = 'todo_accounts') then
    return;
  end if;
  create role todo_accounts nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
exception
  when duplicate_object or unique_violation then null;
end $$;

do $$
declare
  told_apart constant boolean := current_setting('server_version_num')::int >= 160000;
begin
  if pg_has_role(current_user, 'todo_accounts', case when told_apart then 'set' else 'member' end) then
    return;
  end if;
  execute format(
    'grant todo_accounts to %I' || case when told_apart then ' with inherit false, set true' else '' end,
    current_user
  );
end $$;

create schema todo_auth;

-- Names and types are Better Auth's own, so that nothing is renamed on the way.
create table todo_auth."user" (
  id text primary key,
  name text not null,
  email text not null unique,
  "emailVerified" boolean not null,
  image text,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null default now()
);

create table todo_auth.session (
  id text primary key,
  "expiresAt" timestamptz not null,
  token text not null unique,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null,
  "ipAddress" text,
  "userAgent" text,
  "userId" text not null references todo_auth."user" (id) on delete cascade
);
create index "session_userId_idx" on todo_auth.session ("userId");

create table todo_auth.account (
  id text primary key,
  "accountId" text not null,
  "providerId" text not null,
  "userId" text not null references todo_auth."user" (id) on delete cascade,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  password text,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null,
  unique ("providerId", "accountId")
);
create index "account_userId_idx" on todo_auth.account ("userId");

create table todo_auth.verification (
  id text primary key,
  identifier text not null,
  value text not null,
  "expiresAt" timestamptz not null,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null default now()
);
create index verification_identifier_idx on todo_auth.verification (identifier);

-- How often something was tried, by client address or by account, until the count begins again.
create table todo_auth.rate_limit (
  key text collate "C" primary key,
  count integer not null,
  resets_at timestamptz not null
);

-- Whose tokens are worth nothing, though they have not expired.
create table todo_auth.deleted_user (
  id text collate "C" primary key,
  deleted_at timestamptz not null default now()
);

grant usage on schema todo_auth to todo_accounts;
grant select, insert, update, delete
  on todo_auth."user", todo_auth.session, todo_auth.account, todo_auth.verification, todo_auth.rate_limit
  to todo_accounts;

-- Null, or an error of its own kind. Statements ask it only where they found nothing.
create function todo.refuse_deleted(user_id text) returns text
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from todo_auth.deleted_user d where d.id = refuse_deleted.user_id) then
    raise exception 'the account is deleted' using errcode = 'TD401';
  end if;
  return null;
end $$;
revoke execute on function todo.refuse_deleted from public;
grant execute on function todo.refuse_deleted to todo_user;

-- A user that was deleted is not made anew by a token of before.
create function todo.refuse_deleted_user() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform todo.refuse_deleted(new.id);
  return null;
end $$;
create trigger refuse_deleted_user after insert on todo.users
  for each row execute function todo.refuse_deleted_user();

-- Whoever deletes an account deletes its tasks. The policies hold for the owner of the tables too,
-- so the function acts as the user; the setting is put back when it ends. The row is inserted first
-- to wait for a first task that is under way, which would otherwise make the user behind our back.
create function todo_auth.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant text := coalesce(current_setting('app.user_id', true), '');
begin
  perform set_config('app.user_id', old.id, true);
  insert into todo.users (id) values (old.id) on conflict do nothing;
  insert into todo_auth.deleted_user (id) values (old.id) on conflict do nothing;
  delete from todo.users where id = old.id;
  perform set_config('app.user_id', before, true);
  return null;
end $$;
revoke execute on function todo_auth.forget_user from public;
create trigger forget_user after delete on todo_auth."user"
  for each row execute function todo_auth.forget_user();
