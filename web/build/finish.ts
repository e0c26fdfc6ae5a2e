import { createHash } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, type Plugin } from 'vite'

/** Already compressed. */
const INCOMPRESSIBLE = /\.(png|woff2)$/

/** Completes the build: adds the service worker, and writes each file also with gzip and brotli. */
export function finishBuild(): Plugin {
  let root = ''
  let folder = ''
  return {
    name: 'finish-build',
    apply: 'build',
    configResolved(config) {
      root = config.root
      folder = resolve(root, config.build.outDir)
    },
    async writeBundle() {
      const files = globSync('**/*.*', { cwd: folder }).sort()
      const content = new Map(files.map((path) => [path, readFileSync(join(folder, path))]))
      content.set('sw.js', Buffer.from(await serviceWorker(root, content)))
      for (const [path, bytes] of content) writeAll(join(folder, path), bytes)
    },
  }
}

/**
 * Builds the service worker by itself: browsers run it as a script without imports, so it shares no chunk with the
 * page.
 *
 * @param content of the page, whose names and hash it contains.
 */
async function serviceWorker(root: string, content: ReadonlyMap<string, Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for (const [path, bytes] of content) hash.update(`${path}\n${bytes.length}\n`).update(bytes)
  // Browsers fetch the icons when they install the page.
  const files = [...content.keys()].filter((path) => !path.endsWith('.png'))
  const result = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    define: {
      __FILES__: JSON.stringify(files),
      __BUILD__: JSON.stringify(hash.digest('base64url').slice(0, 16)),
    },
    build: { write: false, target: 'es2022', rolldownOptions: { input: 'src/service-worker.ts' } },
  })
  const outputs = [result].flat().flatMap((one) => ('output' in one ? one.output : []))
  const [script, ...others] = outputs.filter((one) => one.type === 'chunk')
  if (script === undefined || others.length > 0 || script.imports.length > 0) {
    throw new Error('The service worker must be one script without imports')
  }
  return script.code
}

function writeAll(path: string, bytes: Buffer): void {
  writeFileSync(path, bytes)
  if (INCOMPRESSIBLE.test(path)) return
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  }
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
}
