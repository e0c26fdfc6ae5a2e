/** `npm run repl`: Node's REPL on the database of the settings, with `asUser` and the statements on tasks. */
import { start } from 'node:repl'
import { v7 as newId } from 'uuid'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { loadConfig } from '../../backend/src/core/config/config.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import type { Database } from '../../backend/src/database/session.ts'
import { eachChange, listChanges } from '../../backend/src/models/changes/changes.ts'
import { countTasks, listTasksOf } from '../../backend/src/models/tasks/found.ts'
import { listTasks, listTrash } from '../../backend/src/models/tasks/list.ts'
import { moveTask } from '../../backend/src/models/tasks/move.ts'
import {
  insertTaskOnce,
  insertTaskOnceAs,
  toggleTaskOnce,
} from '../../backend/src/models/tasks/once.ts'
import { countTags, summarizeTasks } from '../../backend/src/models/tasks/overview.ts'
import { listPositions, listSorted } from '../../backend/src/models/tasks/sorted.ts'
import {
  deleteTask,
  findTask,
  insertTask,
  insertTaskAs,
  toggleTask,
} from '../../backend/src/models/tasks/task.ts'
import {
  findTrashed,
  purgeTask,
  purgeTrash,
  restoreTask,
} from '../../backend/src/models/tasks/trash.ts'
import { updateTask } from '../../backend/src/models/tasks/update.ts'
import { openDatabase } from './open.ts'

/** Functions that make statements, as the routes send them. */
const STATEMENTS = {
  ...{ insertTask, insertTaskAs, findTask, updateTask, toggleTask, moveTask, deleteTask },
  ...{ insertTaskOnce, insertTaskOnceAs, toggleTaskOnce },
  ...{ listTasks, listSorted, listPositions, listTasksOf, countTasks, countTags, summarizeTasks },
  ...{ listTrash, findTrashed, restoreTask, purgeTask, purgeTrash },
  ...{ listChanges, eachChange },
}

/** Resolves when the user has left the REPL and the last statement has finished. */
async function talk(database: Database): Promise<void> {
  const asUser = database.asUser.bind(database)
  const atHand = { asUser, newId, ...STATEMENTS }
  console.log(`${database.description}
At hand: ${Object.keys(atHand).join(', ')}
  await asUser('alice', insertTask(newId(), { title: 'Buy milk' }))
  await asUser('alice', listTasks({ limit: 10 }))`)
  const repl = start({ prompt: 'todo> ' })
  Object.assign(repl.context, atHand)
  await new Promise<void>((left) => repl.once('exit', left))
}

try {
  readArguments({ usage: 'Usage: npm run repl' })
  const { database } = await openDatabase(loadConfig())
  await talk(database).finally(() => database.close())
} catch (error) {
  endWithReason(error)
}
