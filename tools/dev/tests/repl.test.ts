import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { embeddedFolder } from '../../../backend/tests/support/databases.ts'
import { start } from '../../../backend/tests/support/process.ts'
import { outputOf } from '../../../backend/tests/support/started.ts'

describe('npm run repl', () => {
  it('runs statements as a user, who finds no task of another user', async () => {
    const folder = await embeddedFolder('migrated')
    const environment = { DATABASE_URL: `pglite:${folder}` }
    const child = start('../../tools/dev/repl.ts', [], environment, [], 'pipe')
    const { until, ended } = outputOf(child)
    await until(/todo> $/)
    child.stdin?.write(`await asUser('alice', insertTask(newId(), { title: 'Milk' }))\n`)
    await until(/"user_id":"alice","title":"Milk","description":null/)
    child.stdin?.write(`await asUser('alice', listTasks({ limit: 10 }))\n`)
    await until(/count: 1,/)
    child.stdin?.write(`await asUser('bob', listTasks({ limit: 10 }))\n`)
    await until(/count: 0,/)
    child.stdin?.end()
    assert.equal((await ended).code, 0)
    await rm(folder, { recursive: true })
  })
})
