/**
 * Writes the software bill of materials of the production packages, in CycloneDX, to `sbom.cdx.json` or to
 * the named file.
 *
 * `npm sbom --omit dev` omits a package that any workspace lists for development, even if another workspace
 * needs it to run. Therefore this script asks for one workspace, which has no development dependencies.
 */

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { argumentsOf } from './arguments.ts'
import { nameOf, optionalPeers, readLockfile, readPackage } from './lockfile.ts'

const usage = 'Usage: npm run sbom [-- <file>]'
const [file = 'sbom.cdx.json'] = argumentsOf({ usage, most: 1 }).positionals
const options = [
  '--omit=optional',
  '--sbom-format=cyclonedx',
  '--sbom-type=application',
  '--package-lock-only',
]
const output = execFileSync('npm', ['sbom', '--workspace=backend', ...options], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
})
const bill = JSON.parse(output)
// These run nowhere, and the image does not have them.
const absent = optionalPeers(readLockfile()).map(nameOf)
bill.components = bill.components.filter(({ purl }: { purl: string }) => {
  const name = decodeURIComponent(purl)
    .replace(/^pkg:npm\//, '')
    .replace(/@[^@]+$/, '')
  return !absent.includes(name)
})
// npm uses the name of the folder, which depends on the clone.
bill.metadata.component.name = readPackage().name
writeFileSync(file, JSON.stringify(bill, null, 2))
console.log(`${file}: ${bill.components.length} components`)
