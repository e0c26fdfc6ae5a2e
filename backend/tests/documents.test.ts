import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MODEL_QUERIES } from '../../tools/docs/data-model.ts'
import { documents } from '../../tools/docs/documents.ts'
import { loadConfig } from '../src/core/config/config.ts'
import { SECRETS, SETTING_NAMES } from '../src/core/config/misspelt.ts'
import type { Environment } from '../src/core/config/settings.ts'
import { LIMITS } from '../src/core/limits.ts'
import { SECRET } from './support/app.ts'
import { emptyPostgres, openTestDatabase, type TestDatabase } from './support/databases.ts'
import { runProgram, start } from './support/process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SPECS = 'specs/001-backend-spec-manager'
const DOCUMENTS = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'],
  ...['spec.md', 'data-model.md', 'quickstart.md'].map((name) => `${SPECS}/${name}`),
  ...globSync('docs/**/*.md', { cwd: ROOT }).sort(),
]
const FENCE = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const group = (text: string, pattern: RegExp, at = 1) =>
  [...text.matchAll(pattern)].map((match) => match[at] ?? '')
const codeSpans = (text: string) => group(text.replace(FENCE, ''), /`([^`\n]+)`/g)

/** What stands below a heading, down to the next of its level or above. */
function section(text: string, heading: string): string {
  const [marks = ''] = heading.split(' ')
  const from = text.indexOf(`${heading}\n`)
  assert.ok(from >= 0, `there is no heading ${heading}`)
  const below = text.slice(from + heading.length)
  const end = below.search(new RegExp(`^#{1,${marks.length}} `, 'm'))
  return end < 0 ? below : below.slice(0, end)
}

/** The rows of the table in a text, without its head: the first cells of each, without backticks. */
function table(text: string, columns: number): string[][] {
  const rows = group(text, /^\|(.*)\|$/gm).slice(2)
  return rows.map((row) =>
    row
      .split('|')
      .slice(0, columns)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

/** The anchor GitHub gives a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

describe('the documents', () => {
  it('name files that are there, and their links lead somewhere', () => {
    const folders = ['backend', 'docs', 'tools', 'scripts', 'specs']
    let found = 0
    for (const document of DOCUMENTS) {
      const text = read(document)
      for (const name of codeSpans(text)) {
        if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || /^(node_modules|\.data)\b/.test(name)) continue
        if (!/\.(ts|mjs|json|sql|md)$/.test(name) && !folders.includes(name.split('/')[0] ?? '')) {
          continue
        }
        assert.ok(existsSync(join(ROOT, name)), `${document} names ${name}`)
        found += 1
      }
      for (const link of group(text.replace(FENCE, ''), /\]\(([^)\s]+)\)/g)) {
        if (link.startsWith('https://')) continue
        const [path = '', heading] = link.split('#')
        const target = path === '' ? document : join(dirname(document), path)
        assert.ok(existsSync(join(ROOT, target)), `${document} links to ${link}`)
        const anchors = heading && group(read(target), /^#+ (.+)$/gm).map(anchor)
        assert.ok(!anchors || anchors.includes(heading), `${document} links to ${link}`)
      }
    }
    assert.ok(found > 50)
  })

  it('begin with a README of at most 120 lines', () => {
    assert.ok(read('README.md').split('\n').length <= 121)
  })

  it('list every decision, and each has its four parts', () => {
    const names = globSync('docs/decisions/[0-9]*.md', { cwd: ROOT }).sort()
    const listed = group(read('docs/decisions/README.md'), /\]\((\d{4}-[\w-]+\.md)\)/g)
    assert.deepEqual(listed.map((name) => `docs/decisions/${name}`).sort(), names)
    for (const name of names) {
      const parts = group(read(name), /^## (.+)$/gm)
      assert.deepEqual(parts, ['Context', 'Decision', 'Alternatives', 'Consequences'], name)
    }
  })

  it('name npm scripts that are there', () => {
    const { scripts } = JSON.parse(read('package.json'))
    for (const document of DOCUMENTS) {
      const text = read(document)
      const code = [...codeSpans(text), ...group(text, FENCE, 2)].join('\n')
      for (const [command, run, name = ''] of code.matchAll(/\bnpm (run (?:-s )?)?([\w:-]+)/g)) {
        assert.ok(
          name in scripts || (!run && ['ci', 'install'].includes(name)),
          `${document} says ${command}`,
        )
      }
    }
  })
})

describe('the settings', () => {
  const secret = { BETTER_AUTH_SECRET: SECRET }
  const asked = new Set<string>()
  const given: Environment = { ...secret, DATABASE_URL: 'postgres://u:p@h/d' }
  loadConfig(
    new Proxy(given, {
      get: (target, name) => {
        asked.add(String(name))
        return target[String(name)]
      },
    }),
  )
  it('in docs/settings.md are those the server reads, both ways', () => {
    const text = section(read('docs/settings.md'), '## Settings')
    const rows = group(text, /^\| `(\w+)` \|/gm)
    const files = codeSpans(text).filter((name) => name.endsWith('_FILE'))
    assert.deepEqual([...rows, ...files].sort(), [...asked].sort())
    const secrets = SECRETS.map((name) => `${name}_FILE`)
    assert.deepEqual([...SETTING_NAMES, ...secrets].sort(), [...asked].sort())
  })

  it('in .env.example are all there, with the defaults of the server', () => {
    const lines = [...read('.env.example').matchAll(/^# ([A-Z_]+)=(.*)$/gm)]
    const values = Object.fromEntries(lines.map(([, name, value]) => [name, value]))
    assert.deepEqual(Object.keys(values).sort(), [...asked].sort())
    assert.deepEqual(loadConfig({ ...values, ...secret }), loadConfig(secret))
  })
})

describe('the generated documents', () => {
  for (const [path, text] of Object.entries(documents())) {
    it(`${path} is current: npm run docs writes it`, () => {
      assert.equal(read(path), text)
    })
  }
})

describe('the limits', () => {
  it('in docs/settings.md are those of the server, both ways', () => {
    const rows = table(section(read('docs/settings.md'), '## Limits'), 2)
    const limits = Object.entries(LIMITS).map(([name, value]) => [name, String(value)])
    assert.deepEqual(rows, limits)
  })
})

describe('the data model', () => {
  let test: TestDatabase
  before(async () => {
    test = await openTestDatabase('postgres')
  })
  after(() => test.close())

  for (const [heading, sql] of Object.entries(MODEL_QUERIES)) {
    it(`has under ${heading} what the live database has, both ways`, async () => {
      const live = (await test.admin(sql)).map(({ cells }) => cells as string[]) // as selected
      assert.ok(live.length > 1)
      const text = section(read(`${SPECS}/data-model.md`), `## ${heading}`)
      assert.deepEqual(table(text, live[0]?.length ?? 0).sort(), live.sort())
    })
  }
})

describe('the commands', () => {
  let database: Awaited<ReturnType<typeof emptyPostgres>>
  let server: ReturnType<typeof start>
  let address: string
  before(async () => {
    database = await emptyPostgres()
    server = start('main.ts', [], { DATABASE_URL: database.url, PORT: '0' })
    address = await new Promise<string>((resolve, reject) => {
      let output = ''
      server.stdout?.on('data', (chunk) => {
        output += chunk
        const [, listening] = /listens on (\S+)/.exec(output) ?? []
        if (listening) resolve(listening)
      })
      server.on('close', () => reject(new Error(`the server ended: ${output}`)))
    })
  })
  after(async () => {
    const closed = once(server, 'close')
    server.kill('SIGTERM')
    await closed
    await database.drop()
  })

  /** Runs a script in the clone, as somebody does who types it in. */
  async function shell(script: string): Promise<string> {
    const settings = { BETTER_AUTH_SECRET: SECRET, DATABASE_URL: database.url, TODO_URL: address }
    const { stdout } = await runProgram('sh', ['-eu', '-c', script], {
      cwd: ROOT,
      env: { ...process.env, ...settings },
    })
    return stdout
  }

  // Before the other tests: it shows all of alice's tasks.
  it('of the quickstart work, and print what it shows', async () => {
    const quickstart = read(`${SPECS}/quickstart.md`)
    const scripts = group(quickstart, /^```sh\n([\s\S]*?)^```$/gm)
    const shown = group(quickstart, /^```text\n([\s\S]*?)^```$/gm)
    assert.ok(scripts.length > 8)
    const printed = await shell(scripts.map((script) => `${script}\necho '--- end'`).join('\n'))
    const same = (text: string) =>
      text
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
        .trim()
    assert.deepEqual(printed.split('--- end\n').slice(0, -1).map(same), shown.map(same))
  })

  /** The scripts below a heading, for this server; curl fails where the server refuses. */
  const scripts = (document: string, heading: string) =>
    group(section(read(document), heading), FENCE, 2).map((script) =>
      script.replaceAll('http://127.0.0.1:8000', address).replaceAll('curl ', 'curl -fsS '),
    )

  it('of the quick start in README work', async () => {
    const [serve, create = ''] = scripts('README.md', '## Quick start')
    assert.equal(serve, 'npm start\n')
    assert.match(await shell(create), /^\{"id":"[^"]+","user_id":"alice","title":"Buy milk",.*\}$/)
  })

  it('for the first task as docs/accounts.md has them', async () => {
    const [first = '', later = ''] = scripts('docs/accounts.md', '### The first task')
    assert.equal(first.trim().split('\n').length, 5)
    assert.match(
      await shell(`${first}\n${later}\necho "$SESSION"`),
      /^(\{"id":"[^"]+","user_id":"\w{32}","title":"Buy milk",.*\})\[\1\]\w{32}\n$/,
    )
  })
})
