// Runs before the npm scripts that a newcomer calls, so that one command is enough after a clone. It uses
// only built-in modules, because it runs on any version of Node before the installation.
//
// Usage: node scripts/install.mjs [--start] [--page [--required]]. With --start it installs only what the server and
// the build of the page need. With --page it runs scripts/web.mjs afterwards.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const SERVER_ONLY = process.argv.includes('--start')

/** npm writes this file last, so its presence shows that the installation is complete. */
const INSTALLED = 'node_modules/.package-lock.json'
/** A package that only development needs. */
const DEVELOPMENT = 'node_modules/typescript/package.json'
/** The Node that runs the server. npm installs it by an install script. */
const OWN_NODE = 'node_modules/node/bin/node'
const NODE_MAJOR = 24
const LINE_EVERY_MS = 4_000

const modified = (path) => statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0
const exists = (path) => existsSync(new URL(path, root))

const major = Number(process.versions.node.split('.')[0])
const hasOwnNode = () => exists(OWN_NODE) || exists(`${OWN_NODE}.exe`)
const outdated = modified(INSTALLED) < modified('package-lock.json')
const lacksDevelopment = !SERVER_ONLY && !exists(DEVELOPMENT)

if (outdated || lacksDevelopment) {
  const omit = SERVER_ONLY && !exists(DEVELOPMENT) ? ['--omit=dev'] : []
  // A machine with Node 24 does not need the 189 MB of the package node, which its install script downloads. No other
  // package of a start has such a script.
  if (omit.length > 0 && major === NODE_MAJOR) omit.push('--ignore-scripts')
  console.error('Installing the packages of the lockfile, once …')
  // `npm install` leaves the installed packages in place, also below a running server.
  const command = outdated ? 'ci' : 'install'
  const code = await run('npm', [command, ...omit, '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0) {
    fail(
      'The packages could not be installed. Check that the npm registry can be reached (npm ping), then run the command again.',
    )
  }
  removeHeaders()
}

// The image and a production installation have no Node of their own.
if (modified('package-lock.json') > 0 && !hasOwnNode() && major < NODE_MAJOR) {
  // An earlier start may have had a Node of its own.
  await run('npm', ['rebuild', 'node', '--loglevel=error'])
}
if (modified('package-lock.json') > 0 && !hasOwnNode() && major < NODE_MAJOR) {
  fail(
    `This server needs Node ${NODE_MAJOR}, and this is Node ${process.versions.node}. npm did not install the package node, because its install scripts are off (npm config get ignore-scripts). Run: npm rebuild node --ignore-scripts=false. Or install Node ${NODE_MAJOR}.`,
  )
}

if (process.argv.includes('--page')) {
  if (major >= NODE_MAJOR) {
    await import('./dotenv.mjs')
    await import('./web.mjs')
  } else {
    // The shell of an npm script found an older Node before npm installed this one.
    const node = new URL(exists(OWN_NODE) ? OWN_NODE : `${OWN_NODE}.exe`, root)
    const page = ['--import', './scripts/dotenv.mjs', 'scripts/web.mjs', ...process.argv.slice(2)]
    process.exitCode = spawnSync(fileURLToPath(node), page, { cwd: root, stdio: 'inherit' }).status
  }
}

/** Runs npm, and shows that it still works. @returns its exit code. */
function run(program, parameters) {
  return new Promise((resolve) => {
    const startedMs = Date.now()
    const timer = setInterval(() => {
      console.error(`… ${Math.round((Date.now() - startedMs) / 1_000)} s`)
    }, LINE_EVERY_MS)
    const child = spawn(program, parameters, {
      cwd: root,
      // Standard output belongs to the command that follows.
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    })
    const end = (code) => {
      clearInterval(timer)
      resolve(code)
    }
    child.on('error', () => end(1))
    child.on('exit', end)
  })
}

/** The package of Node brings 67 MB of headers for addons in C++, of which this project compiles none. */
function removeHeaders() {
  const packages = new URL('node_modules/node/node_modules/', root)
  if (!existsSync(packages)) return
  for (const name of readdirSync(packages).filter((one) => one.startsWith('node-'))) {
    rmSync(new URL(`${name}/include`, packages), { recursive: true, force: true })
  }
}

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
