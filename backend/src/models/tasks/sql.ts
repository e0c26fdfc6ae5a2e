import { insertedOf, jsonOf, namesOf } from '../columns.ts'
import { storedOf } from '../stored.ts'
import { COLUMNS } from './columns.ts'

/** A task as JSON text. */
export const TASK_JSON = jsonOf(COLUMNS)
/** The columns of a stored task, of a row of `todo.tasks`. */
export const STORED_TASK = storedOf(COLUMNS)
/** Every column that {@link STORED_TASK} reads. A RETURNING of these calls no function. */
export const TASK_COLUMNS = namesOf(COLUMNS)

/** Inserts a task with the id `$2` and the values `$3`, if a row precedes and a condition follows. */
export const INSERT_TASK = `insert into todo.tasks (${TASK_COLUMNS}) select ${insertedOf(COLUMNS)}`
