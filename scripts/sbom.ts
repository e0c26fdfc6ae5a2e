/**
 * Writes the software bill of materials of what runs in production, in CycloneDX, as
 * `sbom.cdx.json` or to the file that is named.
 *
 * `npm sbom --omit dev` leaves out a package that any workspace lists for development, even one that
 * another needs to run. So npm is asked for all of one workspace, which lists none for development.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readPackage } from './lockfile.ts'

const [file = 'sbom.cdx.json'] = process.argv.slice(2)
const options = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
const output = execFileSync('npm', ['sbom', '--workspace=backend', ...options], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
})
const bill = JSON.parse(output)
// npm takes the name from the folder, which is the cloner's choice.
bill.metadata.component.name = readPackage().name
writeFileSync(file, JSON.stringify(bill, null, 2))
console.log(`${file}: ${bill.components.length} components`)
