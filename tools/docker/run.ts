/**
 * `npm run test:docker`: builds the image and tries it and `compose.yaml` on the Docker engine of this machine.
 * Without an engine it says that it did not run, and exits with 0. It uses ports 80, 443 and 8000.
 *
 * Base images come from the engine or its registry. If none can be pulled, `stand-ins.sh` builds stand-ins.
 */

import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { argumentsOf } from '../../scripts/arguments.ts'
import { CHECKS, type Trial } from './checks.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PROJECT = 'todo-trial'

function call(cwd: string, program: string, parameters: string[], input = '') {
  return spawnSync(program, parameters, { cwd, input, encoding: 'utf8', maxBuffer: 1 << 26 })
}

/** @returns the standard output. @throws {Error} with all of its output if it failed. */
function succeeded(done: SpawnSyncReturns<string>, what: string): string {
  if (done.status === 0) return done.stdout
  throw new Error(`${what} ended with ${done.status}: ${done.stdout}${done.stderr}`)
}

/** The base images of both files, as they are named there. */
function baseImages(): string[] {
  const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')
  const of = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name)
  const named = [
    ...of(read('Dockerfile'), /^FROM (\S+:\S+)/gm),
    ...of(read('compose.yaml'), /^ +image: (\S+)/gm),
  ]
  return [...new Set(named)].filter((name) => name !== undefined)
}

function provideBaseImages(): void {
  const has = (name: string) => call(ROOT, 'docker', ['image', 'inspect', name]).status === 0
  const pull = (name: string) => call(ROOT, 'docker', ['pull', '--quiet', name]).status === 0
  if (baseImages().every((name) => has(name) || pull(name))) return
  console.log('The base images cannot be pulled, so stand-ins are built from Debian (2 minutes) …')
  execFileSync('sh', ['tools/docker/stand-ins.sh'], { cwd: ROOT, stdio: ['ignore', 2, 2] })
}

async function run(): Promise<void> {
  provideBaseImages()
  const folder = mkdtempSync(join(tmpdir(), 'todo-trial-'))
  const trial: Trial = {
    folder,
    image: `${PROJECT}-server`,
    run: (program, parameters, input) =>
      succeeded(call(folder, program, parameters, input), [program, ...parameters].join(' ')),
    attempt: (program, parameters) => call(folder, program, parameters),
    compose: (parameters, input) =>
      trial.run('docker', ['compose', '--project-name', PROJECT, ...parameters], input),
  }
  try {
    // A copy, so that the trial neither reads nor writes the .env and the secrets of this folder.
    const files = succeeded(call(ROOT, 'git', ['ls-files', '-co', '--exclude-standard']), 'git')
    const packed = spawnSync('tar', ['-c', '-T', '-'], {
      cwd: ROOT,
      input: files,
      maxBuffer: 1 << 28,
    })
    spawnSync('tar', ['-x'], { cwd: folder, input: packed.stdout })
    writeFileSync(join(folder, '.env'), 'RATE_LIMIT_PER_MINUTE=555\nDATABASE_URL=pglite:.data\n')
    for (const [name, check] of CHECKS) {
      await check(trial)
      console.log(`✔ ${name}`)
    }
    console.log(`${CHECKS.length} passed, 0 failed`)
  } finally {
    const all = ['--profile', 'caddy', 'down', '--volumes', '--timeout', '20']
    trial.attempt('docker', ['compose', '--project-name', PROJECT, ...all])
    trial.attempt('docker', ['rm', '--force', '--volumes', `${PROJECT}-embedded`])
    trial.attempt('docker', ['volume', 'rm', '--force', `${PROJECT}-data`])
    rmSync(folder, { recursive: true, force: true })
  }
}

// docker info ends with 0 also if no engine answers.
argumentsOf({ usage: 'Usage: npm run test:docker' })
const engine = call(ROOT, 'docker', ['version', '--format', '{{.Server.Version}}'])
const compose = call(ROOT, 'docker', ['compose', 'version', '--short'])
if (engine.status !== 0 || compose.status !== 0) {
  console.log(
    'The trial of the image did NOT run: no Docker engine with Compose answers here (docker version, docker compose version).',
  )
} else {
  console.log(`Docker ${engine.stdout.trim()}, Compose ${compose.stdout.trim()}`)
  await run()
}
