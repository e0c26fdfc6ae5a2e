/** The digits of a position, in the order of their bytes. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The position in the values `$3`, as SQL; null if they have none. */
export const GIVEN_POSITION = `($3::jsonb ->> 'position')`

/**
 * The key before `u.first_position`. The first branch covers integers of which only the last digit changes: 61 of
 * 62 new tasks call no function.
 */
const BEFORE = `case
    when length(u.first_position) = 92 - ascii(u.first_position) and right(u.first_position, 1) <> '0'
    then left(u.first_position, -1) || translate(right(u.first_position, 1), '${DIGITS.slice(1)}', '${DIGITS.slice(0, -1)}')
    else todo.key_before(u.first_position) end`

/**
 * The new `first_position` of a user who creates a task, and the position of that task if the client gave none.
 * No task of the user has a smaller position, so a new task is before all others.
 */
export const FIRST_POSITION = `case when ${GIVEN_POSITION} is null then ${BEFORE} else least(u.first_position, ${GIVEN_POSITION}) end`

/** Keeps `first_position` at most the position that a task gets by `$3`. */
export const LOWER_FIRST_POSITION = `, first_position = least(first_position, ${GIVEN_POSITION})`
