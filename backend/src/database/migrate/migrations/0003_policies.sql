-- The policies read the user as a part of the index condition, and no longer by a sub-select: that
-- was a plan node of its own, prepared anew with each statement.

alter policy own_user on todo.users
  using (id = nullif(current_setting('app.user_id', true), ''))
  with check (id = nullif(current_setting('app.user_id', true), ''));

alter policy own_tasks on todo.tasks
  using (user_id = nullif(current_setting('app.user_id', true), ''))
  with check (user_id = nullif(current_setting('app.user_id', true), ''));
