-- A change of a password ends the codes to set it anew, and an account has 50 sessions at most,
-- whichever program changes the rows.

-- Better Auth keeps the user in "value" and the code in "identifier".
create index verification_reset_idx on todo_auth.verification (value)
  where identifier like 'reset-password:%';

-- next
-- As the owner, so that it holds for a login that changes an account by hand.
create function todo_auth.forget_reset_codes() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_table_name = 'user' then
    delete from todo_auth.verification
    where identifier like 'reset-password:%' and value = old.id;
  elsif 'credential' in (old."providerId", new."providerId") then
    delete from todo_auth.verification
    where identifier like 'reset-password:%' and value in (old."userId", new."userId");
  end if;
  return null;
end $$;

-- next
revoke execute on function todo_auth.forget_reset_codes from public;

-- next
create trigger forget_reset_codes
  after insert or delete or update of password, "userId", "providerId" on todo_auth.account
  for each row execute function todo_auth.forget_reset_codes();

-- next
create trigger forget_reset_codes after delete on todo_auth."user"
  for each row execute function todo_auth.forget_reset_codes();

-- next
-- Codes that a change of before this migration has left.
delete from todo_auth.verification code using todo_auth.account way
where code.identifier like 'reset-password:%' and code.value = way."userId"
  and way."providerId" = 'credential' and way."updatedAt" > code."createdAt";

-- next
-- The user's row is locked, so that of sign-ins at once each sees those before it. Sessions that
-- another transaction holds are left to it: it ends them, and a wait could be for each other. The new
-- session stays whatever the clock of its server says; after it, those that can still be used.
create function todo_auth.keep_newest_sessions() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform from todo_auth."user" where id = new."userId" for no key update;
  delete from todo_auth.session where id in (
    select id from todo_auth.session where id in (
      select id from todo_auth.session where "userId" = new."userId"
      order by id = new.id desc, "expiresAt" > now() desc, "createdAt" desc, id desc offset 50
    ) for update skip locked
  );
  return null;
end $$;

-- next
revoke execute on function todo_auth.keep_newest_sessions from public;

-- next
create trigger keep_newest_sessions after insert on todo_auth.session
  for each row execute function todo_auth.keep_newest_sessions();

-- next
delete from todo_auth.session where id in (
  select id from (
    select id, row_number() over (
      partition by "userId" order by "expiresAt" > now() desc, "createdAt" desc, id desc
    ) as place
    from todo_auth.session
  ) ranked
  where place > 50
);
