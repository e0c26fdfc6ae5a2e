/** A task as it goes over the wire, written by PostgreSQL and never parsed here. */
export type TaskJson = string

/**
 * `"2026-11-23T06:00:00.120Z"`. PostgreSQL's own JSON of an instant takes half the time of to_char,
 * but drops zeros at the end: a microsecond more, cut off again, keeps them.
 */
const instant = (column: string) =>
  `left(to_json(${column} at time zone 'utc' + interval '1 microsecond')::text, 24) || 'Z"'`

/** The one place that knows the wire form of a task. `id` is first and `updated_at` last. */
export const TASK_JSON = `'{"id":"' || id || '","user_id":' || to_json(user_id) || ',"title":' || to_json(title)
  || ',"description":' || coalesce(to_json(description)::text, 'null')
  || ',"completed":' || case when completed then 'true' else 'false' end
  || ',"created_at":' || ${instant('created_at')}
  || ',"updated_at":' || ${instant('updated_at')} || '}'`

/** Where they stand in that text. */
export const ID = { start: '{"id":"'.length, length: 36 }
const UPDATED_AT = { start: -26, end: -2 }

/** The version of a task, which changes with every change of it: its `updated_at`. */
export function versionOf(json: TaskJson): string {
  return json.slice(UPDATED_AT.start, UPDATED_AT.end)
}

/** The id of a task. */
export function idOf(json: TaskJson): string {
  return json.slice(ID.start, ID.start + ID.length)
}

/** Forward with every change, two in one millisecond and a clock set back included. */
export const LATER = `greatest(now(), updated_at + interval '1 millisecond')`

/**
 * Fails where the account `$1` is deleted, and is null otherwise. Asked only by statements that found
 * nothing, since nothing is left of a deleted account: it costs what is found no more than a branch.
 */
export const REFUSE_DELETED = 'todo.refuse_deleted($1)'

/**
 * False if the account `$1` is deleted and its tasks are still being deleted. Every statement on
 * tasks has this condition. The partial index that it reads contains only those accounts.
 */
export const NOT_DELETED =
  'not exists (select 1 from todo.users where id = $1 and deleted_at is not null)'
