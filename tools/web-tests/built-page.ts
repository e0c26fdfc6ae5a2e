import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Page, readPage } from '../../backend/src/api/web/page.ts'
import { NO_DATABASE, serve } from '../../backend/tests/support/app.ts'
import { testFolder } from '../../backend/tests/support/databases.ts'

/** The folder of the page that `npm run build:web` has made. */
const BUILT = fileURLToPath(new URL('../../web/dist/', import.meta.url))

export type Served = Awaited<ReturnType<typeof serve>>

export async function readBuilt(basePath: string, folder = BUILT): Promise<Page> {
  const page = await readPage(basePath, folder)
  assert.ok(page !== undefined, 'npm run build:web builds it')
  return page
}

/** Serves the page without a database. */
export async function servePage(basePath: string, folder = BUILT): Promise<Served> {
  return serve(NO_DATABASE, { BASE_PATH: basePath }, { page: await readBuilt(basePath, folder) })
}

/** @returns a folder with the same page in another version, with another description. */
export async function otherVersion(description: string): Promise<string> {
  const folder = join(await testFolder(), 'dist')
  await cp(BUILT, folder, { recursive: true })
  for (const [name, pattern, text] of [
    ['index.html', /(?<=name="description" content=")[^"]+/, description],
    ['sw.js', /(?<=\+`)[\w-]{16}(?=`)/, 'another-version'],
  ] as const) {
    const file = join(folder, name)
    const before = await readFile(file, 'utf8')
    assert.match(before, pattern)
    await writeFile(file, before.replace(pattern, text))
    for (const suffix of ['.br', '.gz']) await rm(file + suffix)
  }
  return folder
}
