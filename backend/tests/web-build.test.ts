import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { testFolder } from './support/databases.ts'
import { type Run, runProgram } from './support/process.ts'

const SCRIPTS = new URL('../../scripts/', import.meta.url)
const VITE = 'node_modules/vite/bin/vite.js'
/**
 * Fails where the page has a fault, and otherwise leaves a file as Vite does. With MEET it waits until another one
 * builds at the same time.
 */
const FAKE_VITE = `
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
const fault = readFileSync('web/src/main.tsx', 'utf8').match(/fault.*/)
if (fault) {
  console.error('\\x1b[31m✗ Build failed in 3ms\\x1b[39m\\nerror during build:\\n[FAULT] ' + fault[0] + '\\n  at main')
  process.exit(1)
}
const { MEET } = process.env
if (MEET) {
  writeFileSync(MEET + '/' + process.pid, '')
  while (readdirSync(MEET).length < 2) await new Promise(setImmediate)
}
const folder = process.argv.find((one) => one.startsWith('--outDir=')).slice(9)
mkdirSync(folder, { recursive: true })
writeFileSync(folder + '/index.html', process.env.NODE_ENV)
`
const BUILDING = 'Building the page, once …\n'

describe('scripts/web.mjs', () => {
  let root: string
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  /** @returns the exit code, and what it has printed. */
  const run = async (
    parameters: string[] = [],
    environment: Record<string, string> = {},
    script = 'web.mjs',
  ) => {
    const { code, stdout, stderr } = await runProgram(
      process.execPath,
      [join(root, 'scripts', script), ...parameters],
      { cwd: root, env: { PATH: String(process.env.PATH), ...environment } },
    ).catch((error: Run) => error)
    assert.equal(stdout, '')
    // A slow machine gets a line every few seconds.
    return [code ?? 0, stderr.replace(/^… \d+ s\n/gm, '')] as const
  }
  const built = () => existsSync(join(root, 'web/dist'))

  before(async () => {
    root = await testFolder()
    await mkdir(join(root, 'scripts'))
    for (const name of ['web.mjs', 'install.mjs', 'dotenv.mjs']) {
      await copyFile(new URL(name, SCRIPTS), join(root, 'scripts', name))
    }
    for (const [path, text] of [
      ['package.json', '{"type":"module"}'],
      ['package-lock.json', '{}'],
      ['tsconfig.json', '{}'],
      ['client/package.json', '{}'],
      ['client/src/client.ts', ''],
      ['web/index.html', ''],
      ['web/src/main.tsx', ''],
      [VITE, FAKE_VITE],
    ] as const) {
      await write(path, text)
    }
  })

  it('builds for production where there is no build, and then says nothing more', async () => {
    assert.deepEqual(await run([], { NODE_ENV: 'test' }), [0, BUILDING])
    assert.equal(await readFile(join(root, 'web/dist/index.html'), 'utf8'), 'production')
    assert.deepEqual(await run(), [0, ''])
    assert.deepEqual(await run(['--required']), [0, ''])
    assert.deepEqual(await readdir(join(root, 'node_modules/.cache')), [])
  })

  it('builds again where a file of the page, the client or the lockfile is another one', async () => {
    for (const path of ['web/src/main.tsx', 'client/src/new.ts', 'package-lock.json']) {
      await write(path, `${path} changes`)
      assert.deepEqual(await run(), [0, BUILDING], path)
      assert.deepEqual(await run(), [0, ''], path)
    }
    await rm(join(root, 'client/src/new.ts'))
    assert.deepEqual(await run(), [0, BUILDING])
    await write('web/tests/page.test.ts', 'not part of the page')
    await write('backend/src/main.ts', 'not part of the page')
    assert.deepEqual(await run(), [0, ''])
  })

  it('leaves no page where the build fails, says why in one line, and ends with 0', async () => {
    assert.ok(built())
    await write('web/src/main.tsx', 'fault in line 1.')
    const line =
      'The page could not be built, so the server starts without it: [FAULT] fault in line 1. npm run build:web shows the whole output.\n'
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual(await run(), [0, BUILDING + line])
      assert.ok(!built())
    }
    const [code, output] = await run(['--required'])
    assert.equal(code, 1)
    assert.match(
      output,
      / {2}at main[\s\S]*\nThe page could not be built: \[FAULT\] fault in line 1\.\n$/,
    )
    assert.deepEqual(await readdir(join(root, 'node_modules/.cache')), [])
    await write('web/src/main.tsx', '')
    assert.deepEqual(await run(), [0, BUILDING])
  })

  it('does nothing with WEB=off, unless the page is required', async () => {
    await rm(join(root, 'web/dist'), { recursive: true, force: true })
    assert.deepEqual(await run([], { WEB: 'off' }), [0, ''])
    assert.ok(!built())
    assert.deepEqual(await run(['--required'], { WEB: 'off' }), [0, BUILDING])
    assert.ok(built())
  })

  it('is part of a start, after the installation, with the settings of .env', async () => {
    await write('node_modules/.package-lock.json', '{}')
    await rm(join(root, 'web/dist'), { recursive: true })
    const start = () => run(['--start', '--page'], {}, 'install.mjs')
    await write('.env', 'WEB=off')
    assert.deepEqual(await start(), [0, ''])
    await rm(join(root, '.env'))
    assert.deepEqual(await start(), [0, BUILDING])
    assert.ok(built())
    assert.deepEqual(await start(), [0, ''])
    const { scripts } = JSON.parse(await readFile(new URL('../package.json', SCRIPTS), 'utf8'))
    assert.equal(scripts.prestart, 'node scripts/install.mjs --start --page')
  })

  it('is not run where npm runs no scripts: each command ends with one line that says what to run', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('../package.json', SCRIPTS), 'utf8'))
    await copyFile(new URL('requirements.mjs', SCRIPTS), join(root, 'scripts/requirements.mjs'))
    const programs = ['start', 'user', 'token', 'migrate', 'backup', 'restore', 'export', 'seed']
    for (const name of programs) {
      const path = `${dirname(process.execPath)}:${process.env.PATH}`
      const begun = { cwd: root, env: { PATH: path } }
      const ended = runProgram('sh', ['-c', scripts[name]], begun)
      const { code, stdout, stderr } = await ended.catch((error: Run) => error)
      assert.deepEqual([code, stdout], [1, ''], name)
      assert.match(
        stderr,
        /^The packages are not installed, [^\n]* Run: node scripts\/install\.mjs /,
      )
      assert.equal(stderr.split('\n').length, 2)
    }
  })

  it('two at once leave one build', async () => {
    await rm(join(root, 'web/dist'), { recursive: true, force: true })
    const together = { MEET: await testFolder() }
    assert.deepEqual(await Promise.all([run([], together), run([], together)]), [
      [0, BUILDING],
      [0, BUILDING],
    ])
    assert.deepEqual((await readdir(join(root, 'web/dist'))).sort(), ['.inputs', 'index.html'])
    assert.deepEqual(await run(), [0, ''])
  })

  it('builds where the packages are on another file system', async () => {
    await rm(join(root, 'web/dist'), { recursive: true, force: true })
    const cache = join(root, 'node_modules/.cache')
    await rm(cache, { recursive: true, force: true })
    // The folders of the tests are in memory where there is enough of it, and this one is on the disk.
    const elsewhere = await mkdtemp(join(tmpdir(), 'todo-cache-'))
    try {
      await symlink(elsewhere, cache)
      assert.deepEqual(await run(), [0, BUILDING])
      assert.deepEqual((await readdir(join(root, 'web/dist'))).sort(), ['.inputs', 'index.html'])
      assert.deepEqual(await run(), [0, ''])
      assert.deepEqual(await readdir(elsewhere), [])
    } finally {
      await rm(cache)
      await rm(elsewhere, { recursive: true })
    }
  })

  it('uses a build that is current without Vite, and otherwise says how to install it', async () => {
    await rm(join(root, VITE))
    assert.deepEqual(await run(), [0, ''])
    await write('web/src/main.tsx', 'another page')
    const [code, output] = await run()
    assert.equal(code, 0)
    assert.match(output, /^The page could not be built, .*: Vite is not installed \(npm ci .*\n$/)
    assert.ok(!built())
    assert.equal((await run(['--required']))[0], 1)
  })
})
