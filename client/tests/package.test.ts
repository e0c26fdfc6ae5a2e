import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { startApp } from '../../backend/tests/support/app.ts'
import { testFolder } from '../../backend/tests/support/databases.ts'
import { runProgram } from '../../backend/tests/support/process.ts'

const CLIENT = fileURLToPath(new URL('..', import.meta.url))
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const MOST_BYTES = 12 * 1_024

const {
  exports,
  dependencies = {},
  peerDependencies,
} = JSON.parse(readFileSync(join(CLIENT, 'package.json'), 'utf8'))
/** The entry points that exist, such as `./sync`, with their files. */
const entries = Object.entries<string>(exports).filter(([, path]) => existsSync(join(CLIENT, path)))

describe('the client package', () => {
  it('imports nothing of Node, and dexie in one store alone', () => {
    const files = globSync('src/**/*.ts', { cwd: CLIENT })
    assert.ok(files.length > 10)
    for (const file of files) {
      const source = readFileSync(join(CLIENT, file), 'utf8')
      for (const [, name = ''] of source.matchAll(/(?:from|import\()\s*'([^'.][^']*)'/g)) {
        const isKnown = name in dependencies || (file === 'src/stores/dexie.ts' && name === 'dexie')
        assert.ok(isKnown, `${file} imports ${name}`)
      }
      assert.doesNotMatch(source, /\b(?:process|Buffer|require|__dirname|setImmediate)\b[.(]/, file)
    }
    assert.deepEqual(Object.keys(peerDependencies), ['dexie'])
  })

  it('has layers: transport, sync, stores; each imports only those before it', () => {
    const layers = ['transport', 'sync', 'stores']
    const layerOf = (path: string) => layers.indexOf(path.split('/').at(-2) ?? '')
    for (const file of globSync('src/**/*.ts', { cwd: CLIENT })) {
      const source = readFileSync(join(CLIENT, file), 'utf8')
      for (const [, name = ''] of source.matchAll(/from\s+'(\.[^']*)'/g)) {
        assert.ok(layerOf(join(dirname(file), name)) <= layerOf(file), `${file} imports ${name}`)
      }
    }
  })

  it('is at most 12 KB with the sync and the store in memory, minified and compressed', async (t) => {
    const parts = entries.filter(([name]) => name !== './dexie')
    const code = await bundle(parts.map(([, path]) => join(CLIENT, path)))
    const size = gzipSync(code).length
    t.diagnostic(`${parts.map(([name]) => name).join(', ')}: ${size} bytes`)
    assert.ok(size > 2_000, 'the bundle has the client')
    assert.ok(size <= MOST_BYTES, `${size} bytes`)
    assert.doesNotMatch(code, /node:/)
  })

  describe('as it is published', () => {
    let folder: string
    let packed: string
    before(async () => {
      folder = await testFolder()
      const built = join(folder, 'dist')
      await runProgram(process.execPath, [join(CLIENT, 'build.ts'), built], { cwd: CLIENT })
      const npm = ['pack', built, '--pack-destination', folder, '--json', '--ignore-scripts']
      const { stdout } = await runProgram('npm', npm, { cwd: folder })
      const [{ filename }] = JSON.parse(String(stdout))
      await runProgram('tar', ['-xzf', join(folder, filename)], { cwd: folder })
      packed = join(folder, 'package')
      const scope = join(folder, 'node_modules/@todo-backend')
      mkdirSync(scope, { recursive: true })
      cpSync(packed, join(scope, 'client'), { recursive: true })
      for (const name of [...Object.keys(dependencies), 'dexie']) {
        symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
      }
    })

    it('has JavaScript, declarations, a README and a licence, and no source', () => {
      const files = globSync('**/*', { cwd: packed }).filter((name) => name.includes('.'))
      for (const name of ['README.md', 'package.json', 'transport/client.js', 'api.d.ts']) {
        assert.ok(files.includes(name), name)
      }
      assert.ok(existsSync(join(packed, 'LICENSE')))
      assert.deepEqual(
        files.filter((name) => /(?<!\.d)\.ts$/.test(name)),
        [],
      )
      const published = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'))
      assert.deepEqual(
        Object.keys(published.exports),
        entries.map(([name]) => name),
      )
      for (const { types, default: code } of Object.values<Record<string, string>>(
        published.exports,
      )) {
        assert.ok(existsSync(join(packed, String(types))) && existsSync(join(packed, String(code))))
      }
      assert.equal(published.devDependencies, undefined)
    })

    it('compiles under tsc --strict, and runs in the oldest Node of this machine', async (t) => {
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
      const program = readFileSync(new URL('support/consumer.ts', import.meta.url), 'utf8')
      writeFileSync(join(folder, 'consumer.ts'), program)
      const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', '']
      const lib = ['--lib', 'es2022,dom,dom.asynciterable', 'consumer.ts']
      const tsc = join(MODULES, 'typescript/bin/tsc')
      await runProgram(process.execPath, [tsc, ...strict, ...lib], { cwd: folder })
      const test = await startApp('postgres', { ACCOUNT_LIMITS: 'off' })
      const { node, version } = await oldestNode()
      t.diagnostic(version)
      const { stdout } = await runProgram(node, [join(folder, 'consumer.js')], {
        env: { PATH: process.env.PATH, SERVER: `http://127.0.0.1:${test.port}` },
      })
      assert.equal(String(stdout), 'Buy milk, true, unexpected: 0\n')
      await test.close()
    })
  })
})

/** The package supports Node 20. Most machines have that of their distribution beside the one of the project. */
async function oldestNode(): Promise<{ node: string; version: string }> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = folders.map((folder) => join(folder, 'node')).filter((path) => existsSync(path))
  const found = [{ node: process.execPath, version: process.version }]
  for (const node of paths) {
    // A file of that name may be the shim of a version manager that has none.
    const run = await runProgram(node, ['--version'], { cwd: CLIENT }).catch(() => undefined)
    if (run) found.push({ node, version: String(run.stdout).trim() })
  }
  const major = (version: string) => Number(/^v(\d+)/.exec(version)?.[1])
  const supported = found.filter(({ version }) => major(version) >= 20)
  const [oldest = found[0]] = supported.sort((a, b) => major(a.version) - major(b.version))
  return oldest ?? assert.fail('there is no Node')
}

async function bundle(files: readonly string[]): Promise<string> {
  const entry = join(await testFolder(), 'entry.js')
  writeFileSync(entry, files.map((file) => `export * from ${JSON.stringify(file)}\n`).join(''))
  const result = await build({
    ...{ configFile: false, logLevel: 'silent', root: CLIENT },
    build: {
      ...{ write: false, minify: true, target: 'es2022', modulePreload: false },
      // Vite leaves the white space in a library.
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  })
  const [output] = [result].flat() as Rolldown.RolldownOutput[] // without `watch` it is no watcher
  return output?.output.map((chunk) => ('code' in chunk ? chunk.code : '')).join('') ?? ''
}
