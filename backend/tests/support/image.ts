import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DockerfileParser, type Instruction } from 'dockerfile-ast'
import { productionPackages, readLockfile, readPackage } from '../../../scripts/lockfile.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** What the Dockerfile says of the image, and of how it is made. */
export interface Image {
  readonly bases: readonly string[]
  readonly packages: readonly string[]
  /** The commands of the stage that builds the page. */
  readonly page: readonly string[]
  /** Every file and folder that a COPY takes from the repository. */
  readonly taken: readonly string[]
  /** The commands of the stage that fills the compile cache, and the user of that stage. */
  readonly compiled: readonly string[]
  readonly compiledAs: string
  readonly workdir: string
  readonly environment: Readonly<Record<string, string>>
  readonly copied: readonly Copied[]
  readonly runs: readonly string[]
  readonly user: string
  readonly stopSignal: string
  readonly healthcheck: readonly string[]
  readonly command: readonly string[]
}

interface Copied {
  readonly from: string | undefined
  readonly sources: readonly string[]
  readonly to: string
}

const wordsOf = (instruction: Instruction) =>
  instruction.getArguments().map((word) => word.getValue())

/** The exec form of an instruction: words, with no shell to read them. */
function execForm(instruction: Instruction): string[] {
  return JSON.parse(instruction.getArgumentsContent()?.replace(/^CMD /, '') ?? '')
}

export function readImage(): Image {
  const dockerfile = DockerfileParser.parse(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))
  const all = dockerfile.getInstructions()
  const starts = all.flatMap((one, index) => (one.getKeyword() === 'FROM' ? [index] : []))
  const stages = starts.map((start, index) => all.slice(start, starts[index + 1]))
  /** The instructions of a stage by its name; without one, those of the last stage. */
  const stageOf = (name?: string): Instruction[] =>
    stages.find(([from]) => from !== undefined && wordsOf(from)[2] === name) ?? []
  const [packages, page, server, compiled] = ['packages', 'page', 'server', 'compiled'].map(stageOf)
  const final = stageOf()
  // The last stage continues the stage server.
  const stage = [...(server ?? []).slice(1), ...final.slice(1)]
  const named = (keyword: string, some = stage) =>
    some.filter((instruction) => instruction.getKeyword() === keyword)
  const one = (keyword: string): Instruction => {
    const [only, ...more] = named(keyword)
    if (only === undefined || more.length > 0) throw new Error(`the image needs one ${keyword}`)
    return only
  }
  const flags = new Map(dockerfile.getCOPYs().map((copy) => [copy.getRange()?.start.line, copy]))
  return {
    bases: named('FROM', all).map((from) => wordsOf(from)[0] ?? ''),
    packages: named('RUN', packages).map((run) => run.getArgumentsContent() ?? ''),
    page: named('RUN', page).map((run) => run.getArgumentsContent() ?? ''),
    taken: named('COPY', all).flatMap((copy) =>
      flags.get(copy.getRange()?.start.line)?.getFromFlag() ? [] : wordsOf(copy).slice(0, -1),
    ),
    compiled: named('RUN', compiled).map((run) => run.getArgumentsContent() ?? ''),
    compiledAs: wordsOf(named('USER', compiled)[0] ?? one('USER'))[0] ?? '',
    workdir: wordsOf(one('WORKDIR'))[0] ?? '',
    environment: Object.fromEntries(
      wordsOf(one('ENV')).map((pair): [string, string] => {
        const [name = '', value = ''] = pair.split('=')
        return [name, value]
      }),
    ),
    copied: named('COPY').map((copy) => ({
      from: flags.get(copy.getRange()?.start.line)?.getFromFlag()?.getValue() ?? undefined,
      sources: wordsOf(copy).slice(0, -1),
      to: wordsOf(copy).at(-1) ?? '',
    })),
    runs: named('RUN').map((run) => run.getArgumentsContent() ?? ''),
    user: wordsOf(one('USER'))[0] ?? '',
    stopSignal: wordsOf(one('STOPSIGNAL'))[0] ?? '',
    healthcheck: execForm(one('HEALTHCHECK')),
    command: execForm(one('CMD')),
  }
}

/** Which paths of the repository `docker build` is given at all. */
export function readContext(): (path: string) => boolean {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')
  const [first, ...patterns] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const paths = patterns.map((pattern) => /^!([\w./-]+)$/.exec(pattern)?.[1])
  if (first !== '*' || paths.includes(undefined)) {
    throw new Error('.dockerignore is to keep everything out, and to name what is let in')
  }
  return (path) => paths.some((given) => path === given || path.startsWith(`${given}/`))
}

/**
 * Lays out below a folder what the image has, as `docker build` would: the packages stage by what the
 * lockfile says that the server needs, the page as `npm run build:web` has built it here, then each COPY.
 *
 * @returns the working directory.
 */
export function layOut(image: Image, folder: string): string {
  const packages = join(folder, 'packages')
  for (const [path] of productionPackages(readLockfile())) {
    const target = join(packages, image.workdir, path)
    cpSync(join(ROOT, path), target, { recursive: true })
    // Packages inside of packages stand in the lockfile for themselves, further down.
    rmSync(join(target, 'node_modules'), { recursive: true, force: true })
  }
  const link = join(packages, image.workdir, 'node_modules', readPackage('backend').name)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync('../../backend', link)
  const page = join(packages, image.workdir, 'web/dist')
  cpSync(join(ROOT, 'web/dist'), page, { recursive: true })
  const isGiven = readContext()
  const workdir = join(folder, 'image', image.workdir)
  for (const { from, sources, to } of image.copied) {
    // The compile cache only saves time, and no engine is here to fill it. npm run test:docker does.
    if (from === 'compiled') continue
    for (const source of sources) {
      const isFolder = !to.endsWith('/') || !/\.\w+$|^LICENSE$/.test(source)
      const target = isFolder ? join(workdir, to) : join(workdir, to, basename(source))
      mkdirSync(dirname(target), { recursive: true })
      if (from !== undefined) renameSync(join(packages, source), target)
      else if (isGiven(source)) cpSync(join(ROOT, source), target, { recursive: true })
      else throw new Error(`.dockerignore keeps ${source} out`)
    }
  }
  return workdir
}
