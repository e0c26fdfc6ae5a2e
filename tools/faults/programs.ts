import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { NotTried } from './fault.ts'

/**
 * Installs a Debian package if its file is missing.
 *
 * @throws {NotTried} if the package cannot be installed.
 */
export function needFile(file: string, debianPackage: string): void {
  if (existsSync(file)) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new NotTried(`${file} is missing: install the package ${debianPackage}`)
  }
  try {
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-y', '-q', debianPackage], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch {
    throw new NotTried(`the package ${debianPackage} could not be installed`)
  }
  if (!existsSync(file)) throw new NotTried(`${debianPackage} has no ${file} here`)
}
