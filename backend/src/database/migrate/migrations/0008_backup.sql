-- A backup reads the rows of all users. The policies hold for the owner of the tables too, so the owner sees
-- no row of anybody. With these policies the owner sees all of them, but only in a transaction that asks
-- for it by setting todo.backup. No role that serves users is the subject of these policies.

create policy backup on todo.users for select to current_user
  using (current_setting('todo.backup', true) = 'on');
-- next
create policy backup on todo.tasks for select to current_user
  using (current_setting('todo.backup', true) = 'on');
-- next
create policy backup on todo.idempotency_keys for select to current_user
  using (current_setting('todo.backup', true) = 'on');
