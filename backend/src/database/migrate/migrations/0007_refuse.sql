-- Ends the transaction of several statements when one of them finds nothing. The SQLSTATE says why.

create function todo.refuse(outcome text) returns text
language plpgsql set search_path = '' as $$
begin
  raise exception 'the statement found nothing: %', outcome
    using errcode = case outcome when 'stale' then 'TD412' else 'TD404' end;
end $$;
-- next
revoke execute on function todo.refuse from public;
-- next
grant execute on function todo.refuse to todo_user;
