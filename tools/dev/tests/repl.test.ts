import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { embeddedFolder } from '../../../backend/tests/support/databases.ts'
import { start } from '../../../backend/tests/support/process.ts'
import { outputOf } from '../../../backend/tests/support/started.ts'

/** One for each thing that a person does with tasks. */
const STATEMENTS = [
  ...['insertTask', 'findTask', 'updateTask', 'toggleTask', 'moveTask', 'deleteTask'],
  ...['listTasks', 'listSorted', 'countTags', 'summarizeTasks', 'listChanges'],
  ...['listTrash', 'findTrashed', 'restoreTask', 'purgeTask', 'purgeTrash'],
]

describe('npm run repl', () => {
  it('has the statements at hand, and runs them as a user, who finds no task of another user', async () => {
    const folder = await embeddedFolder('migrated')
    const environment = { DATABASE_URL: `pglite:${folder}` }
    const child = start('../../tools/dev/repl.ts', [], environment, [], 'pipe')
    const { until, ended } = outputOf(child)
    const greeting = await until(/todo> $/)
    const [, atHand = ''] = /^At hand: (.*)$/m.exec(greeting) ?? []
    assert.deepEqual(
      STATEMENTS.filter((name) => !atHand.split(', ').includes(name)),
      [],
    )
    child.stdin?.write(`await asUser('alice', insertTask(newId(), { title: 'Milk' }))\n`)
    await until(/"user_id":"alice","title":"Milk","description":null/)
    child.stdin?.write(`await asUser('alice', listTasks({ limit: 10 }))\n`)
    await until(/count: 1,/)
    child.stdin?.write(`await asUser('alice', updateTask(newId(), { title: 'Oat milk' }))\n`)
    await until(/'missing'/)
    child.stdin?.write(`await asUser('bob', listTasks({ limit: 10 }))\n`)
    await until(/count: 0,/)
    child.stdin?.end()
    assert.equal((await ended).code, 0)
    await rm(folder, { recursive: true })
  })
})
