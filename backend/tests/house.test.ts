import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { NO_DATABASE, serve } from './support/app.ts'
import { openTestDatabase } from './support/databases.ts'

const SOURCE = fileURLToPath(new URL('../src', import.meta.url))
const TESTS = fileURLToPath(new URL('.', import.meta.url))
const FLOORS = [
  ...['core', 'database', 'models', 'schemas', 'accounts', 'http', 'api', 'jobs'],
  ...['app.ts', 'processes', 'commands', 'main.ts'],
]

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm

/** The text of a file without comments. */
const read = (path: string) => readFileSync(path, 'utf8').replace(COMMENTS, '')

const files = globSync('**/*.ts', { cwd: SOURCE }).map((path) => ({
  path,
  floor: FLOORS.indexOf(path.split('/')[0] ?? ''),
  text: read(resolve(SOURCE, path)),
}))
const importsOf = (text: string) =>
  [...text.matchAll(/from '([^']+)'/g)].map(([, name]) => String(name))

describe('the house', () => {
  it('an import only ever points down', () => {
    assert.ok(files.length > 30)
    for (const { path, floor, text } of files) {
      assert.ok(floor >= 0, `${path} stands on no floor`)
      for (const name of importsOf(text).filter((from) => from.startsWith('.'))) {
        const target = relative(SOURCE, resolve(SOURCE, path, '..', name))
        const below = FLOORS.indexOf(target.split('/')[0] ?? '')
        assert.ok(below >= 0 && below <= floor, `${path} imports ${target}`)
      }
    }
  })

  it('http knows no feature, and features do not import each other', () => {
    const feature = /^(accounts|api\/\w+|models\/\w+|schemas\/\w+)\//
    for (const { path, text } of files) {
      const own = feature.exec(path)?.[1]?.split('/').at(-1)
      if (!path.startsWith('http/') && own === undefined) continue
      for (const name of importsOf(text).filter((from) => from.startsWith('.'))) {
        const target = relative(SOURCE, resolve(SOURCE, path, '..', name))
        const other = feature.exec(target)?.[1]?.split('/').at(-1)
        // These two are about tasks, and have no tables and no SQL of their own for them.
        const aboutTasks =
          /^(models|schemas)\/tasks\//.test(target) && ['trash', 'changes'].includes(own ?? '')
        const isAllowed = other === undefined || other === own || aboutTasks
        assert.ok(isAllowed, `${path} imports ${target}`)
      }
    }
  })

  it('http names no feature: no path, no header and no member of one', () => {
    for (const { path, text } of files.filter((file) => file.path.startsWith('http/'))) {
      assert.doesNotMatch(text, /\/api\/auth|\/tasks|'set-auth|'idempotency/i, path)
      assert.doesNotMatch(text, /\b(tasks?|due_date|recurrence|sign-ins?|accounts?)\b/i, path)
      // The preconditions of RFC 9110 belong to every resource, and stand in one place.
      if (path === 'http/resource/conditions.ts') continue
      assert.doesNotMatch(text, /if-(none-)?match/i, path)
    }
  })

  it('there is no cycle of imports, in tools and tests neither', () => {
    const found = globSync('{backend,client,web,tools,scripts}/**/*.{ts,tsx}', {
      cwd: ROOT,
      exclude: (name) => ['node_modules', 'dist'].includes(name),
    })
    const below = new Map(
      found.map((path) => [
        path,
        importsOf(read(join(ROOT, path)).replace(/^import type [\s\S]*?from .*$/gm, ''))
          .filter((name) => name.startsWith('.'))
          .map((name) => join(path, '..', name)),
      ]),
    )
    const done = new Set<string>()
    const visit = (path: string, above: readonly string[]): void => {
      assert.ok(!above.includes(path), [...above, path].join(' → '))
      if (done.has(path)) return
      for (const next of below.get(path) ?? []) visit(next, [...above, path])
      done.add(path)
    }
    for (const path of found) visit(path, [])
    assert.ok(done.size > 300)
  })

  it('core knows neither HTTP nor SQL, and the database no Fastify', () => {
    for (const { path, text } of files) {
      const packages = importsOf(text).filter((name) => !name.startsWith('.'))
      if (path.startsWith('core/')) {
        assert.deepEqual(
          packages.filter((name) => /^(pg|fastify|@fastify|node:http|@electric)/.test(name)),
          [],
          path,
        )
      }
      if (/^(database|models|accounts)\//.test(path)) {
        assert.deepEqual(
          packages.filter((name) => /fastify|node:http|jose/.test(name)),
          [],
          path,
        )
      }
      if (/^(models|schemas|accounts|http|api)\//.test(path)) {
        assert.deepEqual(
          packages.filter((name) => /^(pg|@electric-sql)/.test(name)),
          [],
          path,
        )
      }
    }
  })

  it('SQL stands in models/ and database/ alone', () => {
    const statement = /\b(select .+ from|insert into|update .+ set|delete from|create table)\b/i
    for (const { path, text } of files) {
      if (!/^(models|database)\//.test(path)) assert.doesNotMatch(text, statement, path)
    }
    assert.ok(files.some(({ path, text }) => path.startsWith('models/') && statement.test(text)))
  })

  it('process.env stands in core/config/config.ts and main.ts alone', () => {
    const found = files.filter(({ text }) => text.includes('process.env')).map(({ path }) => path)
    assert.deepEqual(
      found.filter((path) => path !== 'main.ts'),
      ['core/config/config.ts'],
    )
  })

  it('a file is one idea: 250 lines at most', () => {
    for (const { path } of files) {
      const lines = readFileSync(resolve(SOURCE, path), 'utf8').split('\n')
      assert.ok(lines.length <= 251, path)
    }
  })

  it('a file of tests has 450 lines at most', () => {
    const tests = globSync('{backend,tools/*}/tests/**/*.test.ts', { cwd: ROOT })
    assert.ok(tests.length > 100)
    for (const path of tests) {
      const lines = readFileSync(join(ROOT, path), 'utf8').split('\n')
      assert.ok(lines.length <= 451, `${path} has ${lines.length - 1} lines`)
    }
  })

  it('there is no any, no non-null assertion, no default export', () => {
    for (const { path, text } of files) {
      assert.doesNotMatch(text, /: any\b|as any\b|<any>|\w!\.|export default|@ts-ignore/, path)
    }
  })

  it('a test starts processes in one way alone, which ends them', () => {
    const tests = globSync('**/*.ts', { cwd: TESTS })
    const found = tests.filter((path) =>
      /from 'node:(child_process|cluster)'/.test(
        readFileSync(resolve(TESTS, path), 'utf8').replace(/^import type .*$/gm, ''),
      ),
    )
    assert.deepEqual(found, ['support/started.ts'])
  })

  describe('routes', () => {
    const serveRoutes = async () => {
      const routes: RouteOptions[] = []
      const watch = (server: FastifyInstance) => {
        server.addHook('onRoute', (route) => {
          routes.push(route)
        })
      }
      const { app } = await serve(NO_DATABASE, {}, { watch })
      return { app, routes: routes.filter(({ method }) => method !== 'OPTIONS') }
    }

    it('each say who may call them, and all paths of a user are for that user', async () => {
      const { app, routes } = await serveRoutes()
      for (const { url, config } of routes) {
        const owned = url.startsWith('/api/:user_id/')
        assert.equal(config?.access === 'owner', owned, url)
        assert.ok(owned || config?.access === 'public' || config?.access === 'token', url)
      }
      assert.ok(routes.some(({ config }) => config?.access === 'owner'))
      assert.ok(routes.some(({ config }) => config?.access === 'public'))
      await app.close()
    })

    it('401 for every one without a token that is not public', async () => {
      const { app, routes } = await serveRoutes()
      for (const { url, method, config } of routes) {
        if (config?.access === 'public') continue
        const { statusCode } = await app.inject({ method: String(method) as 'GET', url })
        assert.equal(statusCode, 401, url)
      }
      await app.close()
    })
  })

  it('every table of users has row-level security enabled and forced, and lets its owner back it up', async () => {
    const test = await openTestDatabase('postgres')
    const tables = await test.admin(
      `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as walled,
         c.relname = 'feed' or exists (
           select from pg_policy p
           where p.polrelid = c.oid and p.polname = 'backup' and p.polroles = array[c.relowner]
         ) as readable
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'todo' and c.relkind in ('r', 'p') and c.relname <> 'migrations'`,
    )
    assert.ok(tables.some(({ name }) => name === 'tasks'))
    assert.deepEqual(
      tables.filter(({ walled, readable }) => !walled || !readable),
      [],
    )
    await test.close()
  })
})
