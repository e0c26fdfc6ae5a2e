/**
 * The minimal cost of the work: only node:http and pg in pipeline mode with the same statements. There is no
 * token, no owner, no row-level security, no validation, no framework and no log.
 *
 * Usage: DATABASE_URL=… PORT=… node tools/bench/servers/floor.ts
 */
import { createServer, type IncomingMessage } from 'node:http'
import { v7 as uuidv7 } from 'uuid'
import type { Statement } from '../../../backend/src/database/session.ts'
import { listTasks } from '../../../backend/src/models/tasks/list.ts'
import {
  type Change,
  findTask,
  insertTask,
  toggleTask,
} from '../../../backend/src/models/tasks/task.ts'
import { updateTask } from '../../../backend/src/models/tasks/update.ts'
import { openUnscopedPool, plain } from './unscoped-pool.ts'

const PAGE = 50

const database = await openUnscopedPool(process.env.DATABASE_URL ?? '', plain)

/** @returns the task or the tasks as JSON; undefined if there is no such task or path. */
async function answer(request: IncomingMessage): Promise<string | undefined> {
  // /api/{user}/tasks[/{id}[/complete]][?limit=50]
  const [, , userId = '', tasks = '', id] = (request.url ?? '').split('/')
  switch (request.method) {
    case 'POST':
      return changed(userId, insertTask(uuidv7(), await body(request)))
    case 'PUT':
      return changed(userId, updateTask(id ?? '', await body(request), undefined))
    case 'PATCH':
      return changed(userId, toggleTask(id ?? '', undefined))
    default: {
      if (id !== undefined) return (await database.run(userId, findTask(id)))?.json
      if (!tasks.startsWith('tasks')) return ''
      const page = await database.run(userId, listTasks({ limit: PAGE }))
      return `[${page?.rows}]`
    }
  }
}

async function changed(userId: string, statement: Statement<Change>): Promise<string | undefined> {
  const change = await database.run(userId, statement)
  return 'task' in change ? change.task.json : undefined
}

function body(request: IncomingMessage): Promise<{ title: string }> {
  return new Promise((resolve) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => resolve(JSON.parse(text)))
  })
}

const server = createServer(async (request, response) => {
  const json = await answer(request)
  if (json === undefined) return response.writeHead(404).end()
  response.writeHead(request.method === 'POST' ? 201 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(json),
  })
  response.end(json)
})
server.listen(Number(process.env.PORT), '127.0.0.1')
// An ordinary exit, at which Node writes the compile cache.
process.on('SIGTERM', () => process.exit())
