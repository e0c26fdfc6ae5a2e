/** The digits of a position, in the order of their bytes. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The position in the values `$3`, as SQL; null if they have none. */
export const GIVEN_POSITION = `($3::jsonb ->> 'position')`

/**
 * The key before another one. The first branch covers integers of which only the last digit changes: 61 of 62 new
 * tasks call no function.
 */
const keyBefore = (first: string) => `case
    when length(${first}) = 92 - ascii(${first}) and right(${first}, 1) <> '0'
    then left(${first}, -1) || translate(right(${first}, 1), '${DIGITS.slice(1)}', '${DIGITS.slice(0, -1)}')
    else todo.key_before(${first}) end`

/**
 * @param first the present `first_position` of a user who creates a task, as SQL.
 * @param given the position that the client gave, as SQL.
 * @returns the new one, which is the position of the task if the client gave none. No task of the user has a smaller
 *   position, so a new task is before all others.
 */
export const firstPosition = (first: string, given = GIVEN_POSITION) =>
  `case when ${given} is null then ${keyBefore(first)} else least(${first}, ${given}) end`

/** Keeps `first_position` at most the position that a task gets by `$3`. */
export const LOWER_FIRST_POSITION = `, first_position = least(first_position, ${GIVEN_POSITION})`
