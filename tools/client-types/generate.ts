/**
 * Generates the types of the client package, client/src/api.ts, from the committed OpenAPI document.
 * With --check it writes nothing, and fails if the file is not current.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { argumentsOf } from '../../scripts/arguments.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const DOCUMENT = path('../../specs/001-backend-spec-manager/contracts/openapi.json')
const TYPES = path('../../client/src/api.ts')
/** It needs a TypeScript with a compiler API, which this folder has. */
const PROGRAM = path('node_modules/openapi-typescript/bin/cli.js')

const usage = 'Usage: npm run client:types [-- --check]'
const isCheck = argumentsOf({ usage, flags: ['check'] }).flags.has('check')
const types = generate()
if (!isCheck) writeFileSync(TYPES, types)
else if (readFileSync(TYPES, 'utf8') !== types) {
  console.error('client/src/api.ts is not current. Run: npm run client:types')
  process.exit(1)
}

/** openapi-typescript would read a configuration of Redocly in its working directory. */
function generate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'todo-types-'))
  try {
    const output = join(folder, 'api.ts')
    execFileSync(process.execPath, [PROGRAM, DOCUMENT, '--output', output], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(output, 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
