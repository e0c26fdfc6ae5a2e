-- The manual order of a user's tasks. A position is a key of 1 to 128 characters of 0-9A-Za-z, which sorts by
-- bytes (fractional indexing). Equal keys are possible, and the id breaks the tie.

-- The default is for inserts of older versions of the server.
alter table todo.tasks add column position text collate "C" not null default 'a0';
-- next
alter table todo.tasks add constraint tasks_position_check check (position ~ '^[0-9A-Za-z]{1,128}$');
-- next
-- No task of the user has a smaller position. A new task takes the key before it. Null before the first task.
alter table todo.users add column first_position text collate "C";
-- next
-- The integer part of a key that the package fractional-indexing accepts; null for any other key.
create function todo.key_integer(key text) returns text
language sql immutable set search_path = '' as $$
  select case
    when pg_catalog.length(key) >= size and pg_catalog.left(key, size) <> 'A00000000000000000000000000'
      and (pg_catalog.length(key) = size or pg_catalog.right(key, 1) <> '0')
    then pg_catalog.left(key, size) end
  from (
    select case when head between 97 and 122 then head - 95 when head between 65 and 90 then 92 - head end as size
    from (select pg_catalog.ascii(key) as head) first
  ) measured
$$;
-- next
-- The next integer part, or the one before; null if there is none.
create function todo.key_step(whole text, up boolean) returns text
language plpgsql immutable set search_path = '' as $$
declare
  digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  step constant integer := case when up then 1 else -1 end;
  -- The digit that carries, and the one that takes its place.
  full_digit constant text := case when up then 'z' else '0' end;
  empty_digit constant text := case when up then '0' else 'z' end;
  head constant text := left(whole, 1);
  rest constant text := rtrim(substr(whole, 2), full_digit);
  size integer := length(whole) - 1;
begin
  if rest <> '' then
    return head || left(rest, -1) || substr(digits, strpos(digits, right(rest, 1)) + step, 1)
      || repeat(empty_digit, size - length(rest));
  end if;
  if up and head = 'Z' then return 'a0'; end if;
  if not up and head = 'a' then return 'Zz'; end if;
  if (head = case when up then 'z' else 'A' end) then return null; end if;
  size := size + case when up = (head ~ '[a-z]') then 1 else -1 end;
  return chr(ascii(head) + step) || repeat(empty_digit, size);
end $$;
-- next
-- A key between two fractions, the second of which may be null for the end. Every longer key that begins with
-- it is between them as well. Null if there is none.
create function todo.key_middle(low text, high text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  made text := '';
  a integer;
  b integer;
begin
  loop
    a := greatest(strpos(digits, left(low, 1)) - 1, 0);
    if high = '' then return null; end if;
    b := case when high is null then 62 else strpos(digits, left(high, 1)) - 1 end;
    if b < a or length(made) > 128 then return null; end if;
    if b - a > 1 then return made || substr(digits, (a + b + 1) / 2 + 1, 1); end if;
    made := made || substr(digits, a + 1, 1);
    low := substr(low, 2);
    high := case when b = a then substr(high, 2) end;
  end loop;
end $$;
-- next
-- A key between two keys, each of which may be null for the end of the list. Every longer key that begins with
-- it is between them as well. Null if there is none of at most 128 characters. If the package
-- fractional-indexing accepts both keys, it accepts the result.
create function todo.key_between(low text, high text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  low_integer constant text := todo.key_integer(low);
  high_integer constant text := todo.key_integer(high);
  made text;
begin
  if low >= high collate "C" then return null; end if;
  if (low is null) = (low_integer is null) and (high is null) = (high_integer is null) then
    made := case
      when low is null and high is null then 'a0'
      when low is null then todo.key_step(high_integer, false)
      when low_integer = high_integer
        then low_integer || todo.key_middle(substr(low, length(low_integer) + 1), substr(high, length(low_integer) + 1))
      else todo.key_step(low_integer, true)
    end;
    if low_integer <> high_integer and made >= high_integer collate "C" or made is null and high is null then
      made := low_integer || todo.key_middle(substr(low, length(low_integer) + 1), null);
    end if;
    if made = 'A00000000000000000000000000' then made := null; end if;
  else
    made := todo.key_middle(coalesce(low, ''), high);
  end if;
  return case when length(made) <= 128 then made end;
end $$;
-- next
-- The key of a new task, before all others of the user. Raises TD507 if there is none, so that the server makes
-- room and repeats the statement.
create function todo.key_before(first text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  made constant text := todo.key_between(null, first);
begin
  if made is null then
    raise exception 'there is no key before the first' using errcode = 'TD507';
  end if;
  return made;
end $$;
-- next
-- New keys for a place in a list without room, and for as many of its neighbours as needed.
-- `keys` is the list in order; the new place follows the first `place` of them. Each row has an index (from 1) in
-- the list that includes the place, and the key for it. The new keys are short, so that there is room again.
create function todo.spread(keys text[], place integer) returns table (at integer, key text)
language plpgsql immutable set search_path = '' as $$
declare
  digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  size constant integer := coalesce(cardinality(keys), 0);
  reach integer := 1;
  first integer;
  last integer;
  prefix text;
  width integer;
begin
  loop
    first := greatest(place - reach + 1, 1);
    last := least(place + reach, size);
    prefix := todo.key_between(keys[first - 1], keys[last + 1]);
    width := case when last - first + 2 < 62 then 1 when last - first + 2 < 3844 then 2
      when last - first + 2 < 238328 then 3 else 5 end;
    exit when length(prefix) + width < 64 or first = 1 and last = size;
    reach := reach * 2;
  end loop;
  return query select
    first + n - 1,
    prefix || (
      select string_agg(substr(digits, (n / (62 ^ digit)::bigint % 62)::integer + 1, 1), '' order by digit desc)
      from generate_series(0, width - 1) digit
    ) || 'V'
  from generate_series(1, last - first + 2) n;
end $$;
-- next
revoke execute on function todo.key_integer, todo.key_step, todo.key_middle, todo.key_between, todo.key_before, todo.spread from public;
-- next
grant execute on function todo.key_integer, todo.key_step, todo.key_middle, todo.key_between, todo.key_before, todo.spread to todo_user;
-- next
-- Existing tasks get the order of the list, the newest first. Versions and numbers stay as they are.
alter table todo.tasks no force row level security;
-- next
alter table todo.users no force row level security;
-- next
alter table todo.tasks disable trigger refuse_unnumbered;
-- next
-- As if each had been created before the older ones.
update todo.tasks t set position = k.position
from (
  with recursive key (nth, position) as (
    select 1::bigint, 'a0'::text
    union all select nth + 1, todo.key_step(position, false) from key
    where nth < (select max(count) from (select count(*) from todo.tasks group by user_id) of_user)
  )
  select n.user_id, n.id, key.position
  from (select user_id, id, row_number() over (partition by user_id order by id) as nth from todo.tasks) n
  join key using (nth)
) k
where t.user_id = k.user_id and t.id = k.id;
-- next
update todo.users u set first_position = n.first
from (select user_id, min(position) as first from todo.tasks group by user_id) n
where u.id = n.user_id;
-- next
alter table todo.tasks enable trigger refuse_unnumbered;
-- next
alter table todo.tasks force row level security;
-- next
alter table todo.users force row level security;
-- next
grant update (position) on todo.tasks to todo_user;
-- next
grant select (first_position), insert (first_position), update (first_position) on todo.users to todo_user;
-- next
-- The neighbour in a member of a move is missing: TD423, with the name of the member.
create or replace function todo.refuse(outcome text) returns text
language plpgsql set search_path = '' as $$
begin
  raise exception 'the statement found nothing: %', outcome
    using errcode = case when outcome = 'stale' then 'TD412' when outcome in ('before', 'after') then 'TD423' else 'TD404' end,
    column = outcome;
end $$;
