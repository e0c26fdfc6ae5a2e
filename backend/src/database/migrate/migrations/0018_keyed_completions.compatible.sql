-- The next occurrence that a keyed request made, so that a repeated request gets the response of the first one.
alter table todo.idempotency_keys add column next_id uuid;
-- next
grant select (next_id), update (next_id) on todo.idempotency_keys to todo_user;
