-- The operator can disable an account. Its person then has no session and gets none, whichever program
-- sets the column.

alter table todo_auth."user" add column disabled_at timestamptz(3);
-- next
-- The lock of the user's row waits for a transaction that disables the account, and then shows what that has
-- set. In the other order, that transaction waits, and ends the session that is inserted here.
create function todo_auth.refuse_disabled() returns trigger
language plpgsql set search_path = '' as $$
declare
  disabled timestamptz;
begin
  select disabled_at into disabled from todo_auth."user" where id = new."userId" for no key update;
  if disabled is not null then
    raise exception 'the account is disabled' using errcode = 'TD403';
  end if;
  return new;
end $$;
-- next
revoke execute on function todo_auth.refuse_disabled from public;
-- next
create trigger refuse_disabled before insert on todo_auth.session
  for each row execute function todo_auth.refuse_disabled();
-- next
create function todo_auth.end_disabled_sessions() returns trigger
language plpgsql set search_path = '' as $$
begin
  delete from todo_auth.session where "userId" = new.id;
  perform todo_auth.revoke_tokens(new.id);
  return null;
end $$;
-- next
revoke execute on function todo_auth.end_disabled_sessions from public;
-- next
create trigger end_disabled_sessions after update of disabled_at on todo_auth."user"
  for each row when (new.disabled_at is not null) execute function todo_auth.end_disabled_sessions();
