import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { BEHIND_PROXY } from '../../../backend/tests/support/accounts.ts'
import { startApp } from '../../../backend/tests/support/app.ts'
import { testFolder } from '../../../backend/tests/support/databases.ts'

const HERE = fileURLToPath(new URL('../', import.meta.url))
const DOCUMENT = fileURLToPath(
  new URL('../../../specs/001-backend-spec-manager/contracts/openapi.json', import.meta.url),
)
const STRICT = [
  ...['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
  ...['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom'],
  ...['--allowImportingTsExtensions', '--skipLibCheck'],
]

/**
 * Runs a program of this folder's packages: openapi-typescript needs a TypeScript with a compiler API. It runs
 * where there is no configuration of Redocly, which openapi-typescript would read.
 */
const run = async (cwd: string, script: string, ...parameters: string[]) => {
  const path = join(HERE, 'node_modules', script)
  await promisify(execFile)(process.execPath, [path, ...parameters], { cwd }).catch(
    ({ stdout, stderr }) => assert.fail(`${script}: ${stdout}${stderr}`),
  )
}

it('a program with the types of openapi-typescript compiles under tsc --strict, and works', async () => {
  const folder = await testFolder()
  const program = join(folder, 'program.ts')
  await copyFile(join(HERE, 'program.ts'), program)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await run(folder, 'openapi-typescript/bin/cli.js', DOCUMENT, '--output', 'api.ts')
  await run(folder, 'typescript/bin/tsc', ...STRICT, program)

  const test = await startApp('postgres', BEHIND_PROXY)
  const client: { run(address: string): Promise<string> } = await import(
    pathToFileURL(program).href
  )
  assert.equal(await client.run(`http://127.0.0.1:${test.port}`), 'Buy milk true')
  await test.close()
})
