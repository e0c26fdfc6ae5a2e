import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import type { Environment } from '../../src/core/config/settings.ts'
import { signToken } from '../../src/core/token.ts'
import { SECRET } from '../support/app.ts'
import {
  embeddedFolder,
  emptyPostgres,
  migratedPostgres,
  testFolder,
} from '../support/databases.ts'
import { run, type Serving, serve, start } from '../support/process.ts'

const tasksAt = (port: number) => `http://127.0.0.1:${port}/api/alice/tasks`

describe('npm run backup, restore and export', () => {
  describe('move the tasks of a running embedded server to PostgreSQL', () => {
    let folder: string
    let embedded: Environment
    let file: string
    let headers: Record<string, string>
    let server: Serving
    let url: string
    let drop: () => Promise<void>
    before(async () => {
      folder = await embeddedFolder('migrated')
      embedded = { DATABASE_URL: `pglite:${folder}` }
      file = join(await testFolder(), 'tasks.backup')
      const token = (await run('commands/token.ts', ['alice'], embedded)).stdout.trim()
      headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      server = await serve(embedded)
      const body = JSON.stringify({ title: 'to be kept' })
      const made = await fetch(tasksAt(server.port), { method: 'POST', headers, body })
      assert.equal(made.status, 201)
      const target = await emptyPostgres()
      url = target.url
      drop = target.drop
    })
    after(() => drop())

    it('backup writes all of them to a file', async () => {
      const backup = await run('commands/backup.ts', [file], embedded)
      assert.deepEqual([backup.code, backup.stderr], [0, ''])
      assert.match(backup.stdout, /^Backed up 2 rows to .*, read back and checked:\n/)
      assert.match(backup.stdout, /^ {2}todo\.tasks: 1$/m)
    })

    it('backup read a copy of the files, which is gone, and users write again', async () => {
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith('backup-')),
        [],
      )
      const body = JSON.stringify({ title: 'after the backup' })
      const made = await fetch(tasksAt(server.port), { method: 'POST', headers, body })
      assert.equal(made.status, 201)
      const listed = (await (await fetch(tasksAt(server.port), { headers })).json()) as unknown[]
      assert.equal(listed.length, 2)
    })

    it('export prints those of one user, and the server goes on', async () => {
      const exported = await run('commands/export.ts', ['alice'], embedded)
      assert.deepEqual([exported.code, exported.stderr], [0, ''])
      assert.match(exported.stdout, /"table":"todo\.tasks","row":\{.*"title":"to be kept"/)
      assert.equal((await fetch(tasksAt(server.port), { headers })).status, 200)
      await server.kill('SIGTERM')
      assert.deepEqual(await readdir(folder), ['database'])
    })

    it('restore writes them to an empty PostgreSQL', async () => {
      const restore = await run('commands/restore.ts', [file], { DATABASE_URL: url })
      assert.deepEqual([restore.code, restore.stderr], [0, ''])
      assert.match(restore.stdout, /^Restored 2 rows from /)
    })

    it('a server there has them, and refuses the tokens from before', async () => {
      const moved = await serve({ DATABASE_URL: url })
      assert.equal((await fetch(tasksAt(moved.port), { headers })).status, 401)
      const config = { secret: SECRET, jwtIssuer: undefined, jwtAudience: undefined }
      // It is issued in a later second than that of the restore.
      const token = await signToken(config, 'alice', Math.ceil(Date.now() / 1000) + 2)
      const authorization = `Bearer ${token}`
      const answer = await fetch(tasksAt(moved.port), { headers: { authorization } })
      const tasks = await answer.json()
      assert.deepEqual(
        (tasks as { title: string }[]).map(({ title }) => title),
        ['to be kept'],
      )
      await moved.kill('SIGTERM')
    })
  })

  describe('end with 1 and one line', () => {
    let folder: string
    let settings: Environment
    before(async () => {
      folder = await testFolder()
      // Making a database takes seconds, and none of them changes it.
      settings = { DATABASE_URL: `pglite:${await embeddedFolder('migrated')}` }
      await writeFile(join(folder, 'text'), 'hello')
    })

    const CASES: [what: string, program: string, names: string[], reason: RegExp][] = [
      ['a backup without a file', 'backup', [], /^Usage: npm run backup -- <file>$/],
      [
        'a backup into two files',
        'backup',
        ['a', 'b'],
        /^Unknown argument .*\/b\. Usage: npm run backup -- <file>$/,
      ],
      [
        'a backup into a file that exists',
        'backup',
        ['text'],
        /^The file .* exists already\. Give the backup another name\.$/,
      ],
      [
        'a backup into a missing folder',
        'backup',
        ['missing/a.backup'],
        /^There is no folder .*\/missing for the backup\.$/,
      ],
      ['a restore of a folder', 'restore', ['.'], / is a folder\. Name the file of a backup\.$/],
      ['a restore without a file', 'restore', [], /^Usage: npm run restore -- <file>$/],
      ['a restore of a missing file', 'restore', ['missing'], /^There is no file /],
      ['a restore of another file', 'restore', ['text'], /^The backup is damaged/],
      [
        'an export without a user',
        'export',
        [],
        /^Usage: npm run export -- <email or id> \[--id\]$/,
      ],
    ]
    for (const [what, program, names, reason] of CASES) {
      it(what, async () => {
        const parameters = names.map((name) => join(folder, name))
        const { code, stdout, stderr } = await run(`commands/${program}.ts`, parameters, settings)
        assert.deepEqual([code, stdout], [1, ''])
        assert.match(stderr.trimEnd(), reason)
      })
    }
  })
})

describe('a database that does not exist', () => {
  const NO_DATABASE = /^There is no embedded database in .*\/typo\. Set DATABASE_URL to /
  const CASES: [what: string, program: string, name: string, reason: RegExp][] = [
    ['a backup', 'backup', 'a.backup', NO_DATABASE],
    ['an export', 'export', 'alice', NO_DATABASE],
    ['a restore of a missing file', 'restore', 'a.backup', /^There is no file /],
    ['a restore of a damaged file', 'restore', 'text', /^The backup is damaged/],
  ]
  for (const [what, program, name, reason] of CASES) {
    it(`is not created by ${what}`, async () => {
      const folder = await testFolder()
      await writeFile(join(folder, 'text'), 'hello')
      const environment = { DATABASE_URL: `pglite:${join(folder, 'typo')}` }
      const { code, stderr } = await run(
        `commands/${program}.ts`,
        [join(folder, name)],
        environment,
      )
      assert.equal(code, 1)
      assert.match(stderr.trimEnd(), reason)
      assert.deepEqual(await readdir(folder), ['text'])
    })
  }

  for (const [program, name] of [
    ['backup', 'a.backup'],
    ['export', 'alice'],
  ] as const) {
    it(`in PostgreSQL ends the ${program} with one line`, async () => {
      const { url, drop } = await emptyPostgres()
      const file = join(await testFolder(), name)
      const { code, stderr } = await run(`commands/${program}.ts`, [file], { DATABASE_URL: url })
      assert.equal(code, 1)
      assert.match(stderr, /^The database of DATABASE_URL has no tables of this server\. .*\n$/)
      await drop()
    })
  }

  it('because it is in memory, is neither backed up nor restored', async () => {
    for (const program of ['backup', 'restore', 'export']) {
      const { code, stderr } = await run(`commands/${program}.ts`, ['x'], {
        DATABASE_URL: 'pglite:memory',
      })
      assert.equal(code, 1)
      assert.match(stderr, /^DATABASE_URL is pglite:memory, which ends with each process/)
    }
  })
})

describe('a backup that a signal ends', () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`by ${signal} leaves no file`, async () => {
      const { url, drop } = await migratedPostgres()
      const folder = await testFolder()
      const client = new Client({ connectionString: url })
      await client.connect()
      await client.query('begin; lock table todo.tasks in access exclusive mode')
      const backup = start('commands/backup.ts', [join(folder, 'a.backup')], { DATABASE_URL: url })
      const waits = async () => {
        const { rows } = await client.query(
          'select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))',
        )
        return rows.length > 0
      }
      while (!(await waits()));
      assert.equal((await readdir(folder)).length, 1)
      backup.kill(signal)
      const [code] = await once(backup, 'close')
      assert.equal(code, expected)
      assert.deepEqual(await readdir(folder), [])
      await client.end()
      await drop()
    })
  }
})

describe('standard output', () => {
  it('is refused as the file of a backup', async () => {
    const settings = { DATABASE_URL: `pglite:${await embeddedFolder('migrated')}` }
    const { code, stdout, stderr } = await run('commands/backup.ts', ['-'], settings)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^The backup needs the name of a file: it is read back and checked/)
  })
})
