/**
 * Writes the software bill of materials of what runs in production, in CycloneDX, as
 * `sbom.cdx.json` or to the file that is named.
 *
 * `npm sbom --omit dev` leaves out a package that any workspace lists for development, even one that
 * another needs to run, so npm is shown a lockfile without what is for development.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { productionPackages, readLockfile, readPackage } from './lockfile.ts'

const WORKSPACE = 'backend'
const { name, version, license } = readPackage()
const [file = 'sbom.cdx.json'] = process.argv.slice(2)

const folder = mkdtempSync(join(tmpdir(), 'sbom-'))
try {
  // npm names the bill after the folder.
  const project = join(folder, name)
  mkdirSync(join(project, WORKSPACE), { recursive: true })
  const { devDependencies: _development, ...workspace } = readPackage(WORKSPACE)
  const root = { name, version, license, workspaces: [WORKSPACE] }
  const lockfile = {
    name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': root,
      [WORKSPACE]: workspace,
      [`node_modules/${workspace.name}`]: { resolved: WORKSPACE, link: true },
      ...Object.fromEntries(productionPackages(readLockfile())),
    },
  }
  const write = (path: string, value: unknown) =>
    writeFileSync(join(project, path), JSON.stringify(value))
  write('package.json', root)
  write(`${WORKSPACE}/package.json`, workspace)
  write('package-lock.json', lockfile)
  const bill = execFileSync(
    'npm',
    ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'],
    { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 },
  )
  const { components } = JSON.parse(bill)
  writeFileSync(file, bill)
  console.log(`${file}: ${components.length} components`)
} finally {
  rmSync(folder, { recursive: true })
}
