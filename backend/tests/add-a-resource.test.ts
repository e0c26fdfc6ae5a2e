import assert from 'node:assert/strict'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migratedPostgres, testFolder } from './support/databases.ts'
import { PROGRAM_ENVIRONMENT, runProgram } from './support/process.ts'
import { type Output, outputOf, startProcess } from './support/started.ts'
import { claims, forge, HS256 } from './support/tokens.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const OMITTED = ['node_modules', '.git', '.data']
/** The rest of the tree takes the compiler and the linter twice as long, and no file of the recipe reaches it. */
const UNTOUCHED =
  /^(client\/(?!src$|src\/api\.ts)|web|tools\/(?!docs|client-types)|deploy|examples|backend\/tests\/((?!support|database|api)\w+\/|api\/(?!docs\.)|[\w-]+(?<!house)\.test\.ts|database\/(?!row-level-security|backup-login|tasks\.cases)))/
const MIGRATION = 'backend/src/database/migrate/migrations/0100_notes.sql'

const RECIPE = await readFile(join(ROOT, 'docs/add-a-resource.md'), 'utf8')
/** The files by their path, which is the heading above each. */
const FILES = new Map(
  [...RECIPE.matchAll(/^### (\S+)\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, path = '', text = '']) => [path, text] as const,
  ),
)
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(RECIPE)?.[1] ?? ''

/** Inserts each line that begins with + behind the line above it. */
function applyDiff(text: string, diff: string): string {
  const lines = diff.split('\n')
  return lines.reduce((done, line, at) => {
    if (!line.startsWith('+')) return done
    const above = `${lines[at - 1]?.slice(1)}\n`
    assert.equal(done.split(above).length, 2, `app.ts has one line ${above}`)
    return done.replace(above, () => `${above}${line.slice(1)}\n`)
  }, text)
}

describe('the recipe for a resource', () => {
  let copy: string
  const drops: (() => Promise<void>)[] = []
  after(() => Promise.all(drops.map((drop) => drop())))
  before(async () => {
    copy = join(await testFolder(), 'copy')
    await cp(ROOT, copy, {
      recursive: true,
      filter: (path) => !OMITTED.includes(basename(path)) && !UNTOUCHED.test(relative(ROOT, path)),
    })
    for (const folder of ['.', 'backend', 'tools/client-types']) {
      const packages = join(ROOT, folder, 'node_modules')
      await symlink(packages, join(copy, folder, 'node_modules')).catch(() => {})
    }
    for (const [path, text] of FILES) {
      await mkdir(dirname(join(copy, path)), { recursive: true })
      await writeFile(join(copy, path), text)
    }
    const app = join(copy, 'backend/src/app.ts')
    await writeFile(app, applyDiff(await readFile(app, 'utf8'), block('diff')))
  })

  async function serve(): Promise<Output> {
    const { url, drop } = await migratedPostgres()
    drops.push(drop)
    const main = join(copy, 'backend/src/main.ts')
    const env = { ...PROGRAM_ENVIRONMENT, PORT: '0' }
    return outputOf(
      startProcess(process.execPath, [main], {
        env: { ...env, DATABASE_URL: url },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  }

  it('has five files, and two lines for app.ts', () => {
    assert.deepEqual(
      [...FILES.keys()].map((path) => path.split('/').slice(0, 3).join('/')),
      [
        'backend/src/database',
        'backend/src/models',
        'backend/src/schemas',
        'backend/src/api',
        'backend/tests/database',
      ],
    )
    assert.equal(block('diff').match(/^\+/gm)?.length, 2)
  })

  for (const command of block('sh').trimEnd().split('\n')) {
    it(`passes ${command}, which it names`, async () => {
      await runProgram('sh', ['-eu', '-c', command], { cwd: copy, env: process.env })
    })
  }

  it('has its policy in the generated data model', async () => {
    const model = 'specs/001-backend-spec-manager/data-model.md'
    assert.match(await readFile(join(copy, model), 'utf8'), /^\| `notes` \| `own_notes` \|/m)
  })

  it('isolates the notes of users', async () => {
    const server = await serve()
    const [, address] = /listens on (\S+)/.exec(await server.until(/listens on \S+/)) ?? []
    const send = (user: string, path: string, text?: string) =>
      fetch(`${address}${path}`, {
        headers: {
          authorization: `Bearer ${forge(HS256, claims({ sub: user }))}`,
          'content-type': 'application/json',
        },
        ...(text !== undefined && { method: 'POST', body: JSON.stringify({ text }) }),
      })
    const created = await send('alice', '/api/alice/notes', 'The key is under the mat')
    assert.equal(created.status, 201)
    const note = (await created.json()) as Record<string, string> // checked next
    assert.deepEqual(Object.keys(note), ['id', 'user_id', 'text', 'created_at', 'updated_at'])
    assert.equal(created.headers.get('location'), `/api/alice/notes/${note.id}`)

    const read = await send('alice', `/api/alice/notes/${note.id}`)
    assert.deepEqual([read.status, await read.json()], [200, note])
    assert.equal((await send('bob', `/api/bob/notes/${note.id}`)).status, 404)
    assert.equal((await send('bob', `/api/alice/notes/${note.id}`)).status, 403)
    assert.equal((await send('alice', '/api/alice/notes', '')).status, 422)
    server.kill('SIGTERM')
    assert.equal((await server.ended).code, 0)
  })

  /** Runs tests of the copy. @returns what passes, as TAP. */
  async function runTests(file: string, names: string): Promise<string> {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const pattern = `--test-name-pattern=${names}`
    const given = ['--test', '--test-reporter=tap', pattern, `backend/tests/${file}.test.ts`]
    return (await runProgram(process.execPath, given, { cwd: copy, env })).stdout
  }

  it('passes its row-level security cases', async () => {
    const names = 'on postgres (of todo.notes|has its cases)'
    const passed = await runTests('database/row-level-security', names)
    assert.match(passed, /ok \d+ - todo_user: select \* from todo\.notes\n/)
    assert.match(passed, /ok \d+ - has its cases for every table/)
  })

  for (const [file, names] of [
    ['house', 'every table'],
    ['api/docs', 'the OpenAPI document'],
    ['database/backup-login', 'makes one'],
  ] as const) {
    it(`passes the tests of all resources in ${file}: ${names}`, async () => {
      assert.match(await runTests(file, names), /^# pass [1-9]/m)
    })
  }

  const policy = /-- next\ncreate policy own_notes[\s\S]*$/
  const BREACHES: [what: string, change: (sql: string) => string, says: RegExp][] = [
    [
      'without its policy',
      (sql) => sql.replace(policy, ''),
      /A user cannot write a row of their own to todo\.notes/,
    ],
    [
      'with a policy for everyone',
      (sql) => sql.replace(policy, '-- next\ncreate policy own_notes on todo.notes using (true)'),
      /A statement without a user sees rows of todo\.notes/,
    ],
  ]
  for (const [what, change, says] of BREACHES) {
    it(`the server does not start ${what}`, async () => {
      const sql = FILES.get(MIGRATION) ?? ''
      assert.notEqual(change(sql), sql)
      await writeFile(join(copy, MIGRATION), change(sql))
      const { code, output } = await (await serve()).ended
      await writeFile(join(copy, MIGRATION), sql)
      assert.match(output, says)
      assert.notEqual(code, 0)
    })
  }
})
