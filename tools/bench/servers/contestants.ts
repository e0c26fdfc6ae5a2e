import { spawnSync } from 'node:child_process'
import { node, type Program, SERVICE, type Server, startServer } from './start-server.ts'

/** The names in the report. */
export const OURS = 'this server'
export const NO_WALL = 'this server without the database’s wall'
export const FLOOR = 'the floor'
export const DRIZZLE = 'Fastify + Drizzle'
export const FASTAPI = 'FastAPI + SQLModel'

export interface Contestant {
  readonly name: string
  readonly server: Server
}

/** The parameters of a server. */
export interface Stage {
  readonly databaseUrl: string
  readonly secret: string
  /** The folder of logs. */
  readonly folder: string
}

/** @returns production settings. The server counts the rate limit, but never reaches it. */
export function serviceSettings({ databaseUrl, secret }: Stage): Record<string, string> {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: secret,
    RATE_LIMIT_PER_MINUTE: '1000000',
  }
}

export function startService(stage: Stage, settings: Record<string, string> = {}): Promise<Server> {
  const all = { ...serviceSettings(stage), ...settings }
  return startServer(SERVICE, all, stage.folder)
}

/** Debian's Python first, because others do not have Debian's packages. */
const PYTHONS = ['/usr/bin/python3', 'python3']
const PYTHON_MODULES = 'import fastapi, jose, psycopg2, sqlmodel, uvicorn'
const PYTHON_VERSIONS = `import platform, fastapi, sqlmodel, uvicorn
print("Python", platform.python_version(), "· FastAPI", fastapi.__version__, "· SQLModel", sqlmodel.__version__, "· uvicorn", uvicorn.__version__)`

/** @returns the Python that has the packages of FastAPI's server, and their versions. */
export function findPython(): { readonly command: string; readonly versions: string } | undefined {
  for (const command of PYTHONS) {
    if (spawnSync(command, ['-c', PYTHON_MODULES]).status !== 0) continue
    const { stdout } = spawnSync(command, ['-c', PYTHON_VERSIONS], { encoding: 'utf8' })
    return { command, versions: stdout.trim() }
  }
  return undefined
}

export const PYTHON_MISSING = `${FASTAPI} is left out: it needs Python with FastAPI, SQLModel, uvicorn, python-jose and psycopg2 (on Debian: apt-get install python3-fastapi python3-sqlmodel python3-uvicorn python3-jose python3-psycopg2)`

/** Starts all servers that this machine can run, this server first. */
export async function startContestants(stage: Stage): Promise<Contestant[]> {
  const settings = serviceSettings(stage)
  const python = findPython()
  const programs: [name: string, program: Program][] = [
    [OURS, SERVICE],
    [NO_WALL, node('tools/bench/servers/no-wall.ts')],
    [FLOOR, node('tools/bench/servers/floor.ts')],
    [DRIZZLE, node('tools/bench/servers/drizzle.ts')],
  ]
  if (python !== undefined)
    programs.push([FASTAPI, [python.command, 'tools/bench/servers/fastapi/main.py']])
  const contestants: Contestant[] = []
  for (const [name, program] of programs) {
    // A first start fills the compile cache.
    await (await startServer(program, settings, stage.folder)).stop()
    contestants.push({ name, server: await startServer(program, settings, stage.folder) })
  }
  return contestants
}
