// Runs before every npm script that needs the dependencies, so that one command is enough after a
// clone. It uses only built-in modules, because it runs on any version of Node before the installation.
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'

const root = new URL('..', import.meta.url)

function modified(path) {
  return statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** npm writes this file last, so its presence shows that the installation is complete. */
const INSTALLED = 'node_modules/.package-lock.json'

if (modified(INSTALLED) < modified('package-lock.json')) {
  const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'))
  console.error(`Installing ${Object.keys(packages).length} packages from the lockfile, once …`)
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // Standard output belongs to the command that follows.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error(
      'The packages could not be installed. Check that the npm registry can be reached (npm ping), then run the command again.',
    )
    process.exit(1)
  }
}
