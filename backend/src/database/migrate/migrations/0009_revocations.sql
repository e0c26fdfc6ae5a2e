-- Which tokens of an account are refused before they expire: those from before a change of its password, the end
-- of its sessions, or its deletion. An older version would ignore the table, so it may not serve this database.

create table todo_auth.revocation (
  user_id text collate "C" constraint revocation_pkey primary key,
  before timestamptz not null
);
-- next
grant select, delete on todo_auth.revocation to todo_accounts;
-- next
-- A token has its time in whole seconds, so one of the second of the change counts as older. The second after it
-- is for the commit: until then, a session that is about to end can still get a token.
create function todo_auth.revoke_tokens(of_user text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into todo_auth.revocation as kept (user_id, before)
  values (of_user, date_trunc('second', clock_timestamp()) + interval '2 s')
  on conflict on constraint revocation_pkey
    do update set before = greatest(kept.before, excluded.before);
end $$;
-- next
revoke execute on function todo_auth.revoke_tokens from public;
-- next
grant execute on function todo_auth.revoke_tokens to todo_accounts;
-- next
-- As the owner, so that it holds for a login that changes an account by hand. The first password of an account that
-- has no other way to sign in and no session is that of a sign-up.
create function todo_auth.revoke_earlier_tokens() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_table_name = 'user' then
    perform todo_auth.revoke_tokens(old.id);
  elsif tg_op = 'UPDATE' then
    if new.password is distinct from old.password then
      perform todo_auth.revoke_tokens(new."userId");
    end if;
  elsif new.password is not null and (
    exists (select from todo_auth.account where "userId" = new."userId" and id <> new.id)
    or exists (select from todo_auth.session where "userId" = new."userId")
  ) then
    perform todo_auth.revoke_tokens(new."userId");
  end if;
  return null;
end $$;
-- next
revoke execute on function todo_auth.revoke_earlier_tokens from public;
-- next
create trigger revoke_earlier_tokens after insert or update of password on todo_auth.account
  for each row execute function todo_auth.revoke_earlier_tokens();
-- next
create trigger revoke_earlier_tokens after delete on todo_auth."user"
  for each row execute function todo_auth.revoke_earlier_tokens();
-- next
-- A new address ends the codes that were mailed to the former one.
create trigger forget_reset_codes_of_address after update of email on todo_auth."user"
  for each row when (old.email is distinct from new.email) execute function todo_auth.forget_reset_codes();
