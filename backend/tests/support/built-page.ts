import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { testFolder } from './databases.ts'

export const HTML = '<!doctype html>\n<base href="/" />\n<title>Todo</title>\n'
export const SCRIPT = `console.log('${'a built page '.repeat(400)}')\n`

/** What a build leaves, by its path. The picture is not compressed, and the last one has no type. */
const FILES = {
  'index.html': HTML,
  'sw.js': 'self.skipWaiting()\n',
  'manifest.webmanifest': '{"name":"Todo"}\n',
  'icons/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"></svg>\n',
  'icons/icon-192.png': 'a picture',
  'assets/index-Cx4f_2-a.js': SCRIPT,
  'assets/index-B1.css': 'body { color: red }\n',
  '.inputs': 'a hash',
}

/** @returns a folder as the build of the page leaves it. */
export async function builtPage(): Promise<string> {
  const folder = await testFolder()
  for (const [path, text] of Object.entries(FILES)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    if (/\.(png|inputs)$/.test(path)) continue
    await writeFile(`${file}.br`, brotliCompressSync(text))
    await writeFile(`${file}.gz`, gzipSync(text))
  }
  return folder
}
