// Builds the web page, if its files, those of the client or the packages have changed since the last build. It uses
// only built-in modules, because it runs before every start of the server.
//
// Usage: node scripts/web.mjs [--required]. Without --required it is silent where the page is off (WEB=off), and the
// server starts also if the build fails. With it, a failing build ends with its output and exit code 1.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const REQUIRED = process.argv.includes('--required')

const BUILT = join(root, 'web/dist')
/** In the built folder: the hash of what it was built from. */
const INPUTS = join(BUILT, '.inputs')
const LINE_EVERY_MS = 4_000
const VITE = join(root, 'node_modules/vite/bin/vite.js')
/** Everything that the build reads. */
const SOURCES = ['web', 'client/package.json', 'client/src', 'package-lock.json', 'tsconfig.json']
const NO_SOURCES = ['web/dist', 'web/node_modules', 'web/tests']

if (REQUIRED || process.env.WEB !== 'off') {
  try {
    const inputs = hashOf(SOURCES)
    if (readIfExists(INPUTS) !== inputs) await build(inputs)
  } catch (error) {
    // Such as a folder that this user may not write to.
    refuse(error.message, '')
  }
}

async function build(inputs) {
  if (!existsSync(VITE)) throw new Error('Vite is not installed (npm ci --omit=dev installs it)')
  console.error('Building the page, once …')
  // Beside the present build, which another start may be reading.
  const folder = join(root, `node_modules/.cache/page-${process.pid}`)
  // The native loader writes no file beside the configuration.
  const options = [
    '--configLoader=native',
    `--outDir=${folder}`,
    '--emptyOutDir',
    '--logLevel=warn',
  ]
  const { status, error, stdout, stderr } = await run([VITE, 'build', 'web', ...options])
  if (status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    return refuse(reasonIn(stderr) || `${error ?? 'Vite failed'}`, stdout + stderr)
  }
  writeFileSync(join(folder, '.inputs'), inputs)
  // Another start may have built the same meanwhile, and its server may be reading it.
  if (readIfExists(INPUTS) !== inputs) replace(folder, inputs)
  rmSync(folder, { recursive: true, force: true })
}

/** Runs Node, and shows that it still works. @returns its exit code and its output. */
function run(parameters) {
  const startedMs = Date.now()
  const timer = setInterval(() => {
    console.error(`… ${Math.round((Date.now() - startedMs) / 1_000)} s`)
  }, LINE_EVERY_MS)
  // Otherwise React and Vite would build their development versions.
  const env = { ...process.env, NODE_ENV: 'production' }
  const child = spawn(process.execPath, parameters, { cwd: root, env })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text
    })
  }
  return new Promise((resolve) => {
    const end = (how) => {
      clearInterval(timer)
      resolve({ ...how, ...output })
    }
    child.on('error', (error) => end({ error }))
    child.on('close', (status) => end({ status }))
  })
}

function replace(folder, inputs) {
  remove()
  try {
    renameSync(folder, BUILT)
  } catch (error) {
    if (error.code === 'EXDEV') copy(folder, inputs)
    else if (readIfExists(INPUTS) !== inputs) throw error
  }
}

/** For packages on a volume of their own, as in a container. The hash comes last, as it says that the build is complete. */
function copy(folder, inputs) {
  rmSync(join(folder, '.inputs'))
  cpSync(folder, BUILT, { recursive: true })
  writeFileSync(INPUTS, inputs)
}

/** Removes the present build, the hash first: what is left if this process is killed must not seem complete. */
function remove() {
  rmSync(INPUTS, { force: true })
  rmSync(BUILT, { recursive: true, force: true })
}

/** Says that there is no page, and removes an old one, which may not understand this version of the server. */
function refuse(reason, output) {
  try {
    remove()
  } catch {
    // The reason says what cannot be written.
  }
  if (REQUIRED) {
    if (output !== '') console.error(output)
    console.error(`The page could not be built: ${reason}.`)
    process.exit(1)
  }
  console.error(
    `The page could not be built, so the server starts without it: ${reason}. npm run build:web shows the whole output.`,
  )
}

/** @returns the first line of Vite's output that says more than that the build failed. */
function reasonIn(output) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '')
  const lines = plain.split('\n').map((line) => line.trim())
  const known = /^(error during build:?|(✗ )?build failed.*|)$/i
  return lines.find((line) => !known.test(line))?.replace(/\.$/, '') ?? ''
}

/** @returns a hash of the names and the content of these files and folders. */
function hashOf(sources) {
  const hash = createHash('sha256')
  for (const file of sources.flatMap(filesIn).sort()) {
    const bytes = readFileSync(join(root, file))
    hash.update(`${file}\n${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/** @param path below the root. @returns the file itself, or all files below the folder, with `/` in their paths. */
function filesIn(path) {
  if (NO_SOURCES.includes(path)) return []
  if (/\.\w+$/.test(path)) return [path]
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const inside = `${path}/${entry.name}`
    if (entry.isDirectory()) return filesIn(inside)
    return entry.isFile() ? [inside] : []
  })
}

function readIfExists(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
