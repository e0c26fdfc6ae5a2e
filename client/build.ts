/**
 * Builds the package as it is published, in client/dist: JavaScript and declarations, and a package.json whose
 * `exports` name them. npm has no `publishConfig.exports`, and in this repository `exports` are the sources.
 *
 * Usage: npm run build -w client [-- <folder>]
 * To publish: npm publish client/dist
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const require = createRequire(import.meta.url)

/** The members of package.json that only this repository needs are left out. */
interface PackageFile {
  readonly exports: Readonly<Record<string, string>>
  readonly [member: string]: unknown
}

const folder = process.argv[2] ?? join(HERE, 'dist')
rmSync(folder, { recursive: true, force: true })
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc')
execFileSync(process.execPath, [tsc, '-p', join(HERE, 'tsconfig.build.json'), '--outDir', folder], {
  stdio: 'inherit',
})
const source: PackageFile = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'))
const { exports, devDependencies: _, scripts: __, ...members } = source
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify({ ...members, exports: publishedExports(exports) }, null, 2)}\n`,
)
copyFileSync(join(HERE, 'README.md'), join(folder, 'README.md'))
copyFileSync(join(HERE, '../LICENSE'), join(folder, 'LICENSE'))

function publishedExports(sources: PackageFile['exports']) {
  const entries = Object.entries(sources).filter(([, path]) => existsSync(join(HERE, path)))
  return Object.fromEntries(
    entries.map(([name, path]) => {
      const built = path.replace('./src/', './').replace(/\.ts$/, '')
      return [name, { types: `${built}.d.ts`, default: `${built}.js` }]
    }),
  )
}
