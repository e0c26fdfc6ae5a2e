import { AppError } from '../../core/errors.ts'
import { sqlState } from '../../database/errors.ts'
import {
  type Answer,
  type Asked,
  type Database,
  type Statement,
  sql,
  withAsUser,
} from '../../database/session.ts'
import { NOT_DELETED } from '../stored.ts'
import { LOCK_USER, UPDATE_PLACED } from './move.ts'
import { ALIVE } from './sql.ts'

/** Whether there is a key before the new position of the first task, the second of those in `few`. */
const LEAVES_ROOM = 'select todo.key_between(null, key) is not null from few where at = 2'

/**
 * Gives new positions to the first tasks if these leave no room before them, and `first_position` the smallest position.
 * The keys of few tasks may be so close to the least of all keys that there is no room again. Then all tasks get new
 * positions, as if all had the same one without room.
 */
const MAKE_ROOM: Statement<undefined> = {
  sql: sql(
    `with listed as materialized (
       select array_agg(position order by position, id) as keys, array_agg(id order by position, id) as ids
       from todo.tasks where user_id = $1 and ${ALIVE} and ${NOT_DELETED}
     ), few as materialized (
       select at, key from listed, todo.spread(keys, 0)
     ), spread as (
       select at, key from few where (${LEAVES_ROOM})
       union all
       select at, key from listed, todo.spread(array_fill('0'::text, array[cardinality(keys)]), 0)
         where (${LEAVES_ROOM}) is not true
     ), placed as materialized (
       select moved as task, key as place, row_number() over (order by at) as nth
       from listed, spread, unnest(ids) with ordinality as row (moved, nth)
       where nth = at - 1 and todo.key_between(null, keys[1]) is null
     ), turn as (
       update todo.users set seq = seq + (select count(*) from placed),
         first_position = coalesce((select min(place) from placed), (select keys[1] from listed))
       where id = $1 and deleted_at is null returning seq as next
     ), changed as (${UPDATE_PLACED})
     select 1`,
  ),
  values: [],
  read: () => undefined,
}

/** The SQLSTATE of `todo.key_before`: there is no key before the first of the user. */
const NO_ROOM = 'TD507'

/** @returns the index of the statement that created a task and found no room; undefined for any other error. */
const withoutRoom = (error: unknown): number | undefined =>
  error instanceof AppError && sqlState(error.cause) === NO_ROOM
    ? (error.statement ?? 0)
    : undefined

/**
 * @returns the database, which makes room in the same transaction when a statement that creates a task finds no
 *   position before all others. Only positions that a client wrote can take all of that room.
 */
export function withRoom(database: Database): Database {
  return withAsUser(database, async (userId, asked) => {
    try {
      return await database.asUser(userId, asked)
    } catch (error) {
      const at = withoutRoom(error)
      if (at === undefined) throw error
      return repeat(database, userId, asked, [at])
    }
  })
}

/** Runs the statements with room made before those at `rooms`. A later one may need room as well. */
async function repeat<const A extends Asked>(
  database: Database,
  userId: string,
  asked: A,
  rooms: readonly number[],
): Promise<Answer<A>> {
  const statements: readonly Statement<unknown>[] = 'sql' in asked ? [alone(asked)] : asked
  const parts = statements.map((statement, at) =>
    rooms.includes(at) ? [LOCK_USER, MAKE_ROOM, statement] : [statement],
  )
  // Of each statement with room before it, the last part is its own.
  const owners = parts.flatMap((part, at) =>
    part.map((_, nth) => ({ at, own: nth === part.length - 1 })),
  )
  try {
    const answers = await database.asUser(userId, parts.flat())
    const own = answers.filter((_, nth) => owners[nth]?.own)
    return ('sql' in asked ? own[0] : own) as Answer<A> // as the type Answer defines it
  } catch (error) {
    if (!(error instanceof AppError) || error.statement === undefined) throw error
    const at = owners[error.statement]?.at ?? 0
    if (withoutRoom(error) !== undefined && !rooms.includes(at)) {
      return repeat(database, userId, asked, [...rooms, at])
    }
    throw Object.assign(error, { statement: 'sql' in asked ? undefined : at })
  }
}

/** The statement as it is alone, although others run before it. */
function alone({ sql, values, read }: Statement<unknown>): Statement<unknown> {
  return { sql, values, read }
}
