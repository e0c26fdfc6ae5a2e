-- What was done under an Idempotency-Key, with the answer it was given, so that it is done once. A
-- deleted task's answer stays until it expires: a late retry must not make the task anew.

create table todo.idempotency_keys (
  user_id text collate "C" not null references todo.users (id) on delete cascade,
  key text collate "C" not null check (char_length(key) between 1 and 255),
  request_hash text collate "C" not null,
  answer text not null,
  created_at timestamptz(3) not null default now(),
  primary key (user_id, key)
);
create index idempotency_keys_created_at on todo.idempotency_keys (created_at);

grant select (user_id, key, request_hash, answer), insert (user_id, key, request_hash, answer)
  on todo.idempotency_keys to todo_user;

alter table todo.idempotency_keys enable row level security;
alter table todo.idempotency_keys force row level security;
create policy own_keys on todo.idempotency_keys
  using (user_id = nullif(current_setting('app.user_id', true), ''))
  with check (user_id = nullif(current_setting('app.user_id', true), ''));

-- The owner of the table reaches, outside of a user's scope, what has expired and nothing else.
create policy expired_keys on todo.idempotency_keys to current_user
  using (created_at < now() - interval '24 hours')
  with check (false);

-- A few at a time, of whomever. It tells how many, and nothing of them.
create function todo.forget_expired_keys(most integer) returns bigint
language sql security definer set search_path = '' as $$
  with expired as (
    select user_id, key from todo.idempotency_keys where created_at < now() - interval '24 hours'
    order by created_at limit most for update skip locked
  ), forgotten as (
    delete from todo.idempotency_keys k using expired
    where k.user_id = expired.user_id and k.key = expired.key
    returning 1
  )
  select count(*) from forgotten
$$;
revoke execute on function todo.forget_expired_keys from public;
grant execute on function todo.forget_expired_keys to todo_user;
