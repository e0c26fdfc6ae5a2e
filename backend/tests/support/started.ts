/**
 * What a test starts ends with it, also when the test fails: each process, server, pool and connection is
 * named here with the way to end it. Processes get a group of their own, and a shell outside of this
 * process ends their groups if this process is killed.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { Socket } from 'node:net'
import { after, afterEach, beforeEach } from 'node:test'

const [, PROGRAM = ''] = process.argv
/** Runs several test files (together.ts), of which each one ends what it has started. */
const TOGETHER = PROGRAM.endsWith('.together.ts')
/** Scripts use some of this folder as well; they end what they start themselves. */
const IN_TEST = TOGETHER || /\.(test|fixture)\.ts$/.test(PROGRAM)
/** Of a failed test: what takes longer to end is left to the end of the file. */
const ENDING_MS = 10_000
/** When all tests of a file are over, its process has ended by then, or something is open that is not named here. */
const LINGERING_MS = 60_000

interface Started {
  readonly what: string
  end(): Promise<void>
}

const open = new Set<Started>()
const inProgress = new Set<string>()
const groups = new Set<number>()

/** The tests under way in this process, and what they and their suites have open. */
export function whatIsOpen(): { tests: string[]; open: string[]; handles: string[] } {
  const handles = Object.entries(Object.groupBy(process.getActiveResourcesInfo(), (name) => name))
  return {
    tests: [...inProgress],
    open: [...open].map(({ what }) => what),
    handles: handles.map(([name, all = []]) => `${all.length} ${name}`),
  }
}

/**
 * @param what names it where it stays open.
 * @param end is called once: by the test, or at the end of the test if that failed, or at the end of the file.
 * @returns what the test calls to end it.
 */
export function endWithTest(what: string, end: () => Promise<void> | void): () => Promise<void> {
  let ended: Promise<void> | undefined
  const started: Started = {
    what,
    end: () => {
      ended ??= (async () => {
        await end()
        open.delete(started)
      })()
      return ended
    },
  }
  if (!IN_TEST) return started.end
  open.add(started)
  after((context) => {
    // In a hook of a suite this is the end of the hook. What it started is for all tests of the suite.
    if (!('after' in context) || !open.has(started)) return
    // In a hook of a test it is the end of the hook as well, and the test has no outcome yet.
    if (hasOutcome(context)) return endInTime(started)
    context.after(() => endInTime(started))
  })
  return started.end
}

/** Node's types lack both members. */
function hasOutcome(context: object): boolean {
  if ('passed' in context && context.passed === true) return true
  return 'error' in context && context.error !== null && context.error !== undefined
}

async function endInTime(started: Started): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ENDING_MS)
  })
  // The test that ends it itself is told why it cannot be ended.
  await Promise.race([started.end().catch(() => {}), late])
  clearTimeout(timer)
}

/** Starts a program as a process that ends with the test, together with all that it starts. */
export function startProcess(
  command: string,
  parameters: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, parameters, { ...options, detached: true })
  const { pid } = child
  if (pid === undefined) return child // its error event says why
  tellGuard(`+ ${pid}`)
  groups.add(pid)
  const forget = () => {
    if (!groups.delete(pid)) return
    tellGuard(`- ${pid}`)
  }
  const exited = once(child, 'exit')
  const end = endWithTest(`process ${pid}: ${[command, ...parameters].join(' ')}`, async () => {
    killGroup(pid)
    if (child.exitCode === null && child.signalCode === null) await exited
    forget()
  })
  // What it started may still be there.
  child.once('exit', () => {
    if (!isGroup(pid)) void end()
  })
  return child
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

function isGroup(pid: number): boolean {
  try {
    return process.kill(-pid, 0)
  } catch {
    return false
  }
}

/** Reads which groups are there, and kills those that are left when this process is gone, however it ended. */
const GUARD = `
trap '' INT TERM HUP
open=' '
while read -r sign group; do
  case $sign in
    +) open="$open$group " ;;
    -) open="\${open%% $group *} \${open#* $group }" ;;
  esac
done
for group in $open; do kill -KILL "-$group" 2>/dev/null; done
`
let guard: ChildProcess | undefined

function tellGuard(line: string): void {
  if (guard === undefined) {
    guard = spawn('sh', ['-c', GUARD], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    guard.unref()
    // The event loop is to end without it.
    if (guard.stdin instanceof Socket) guard.stdin.unref()
    guard.stdin?.on('error', () => {}) // exit comes as well
    guard.on('exit', () => {
      guard = undefined
    })
    for (const pid of groups) guard.stdin?.write(`+ ${pid}\n`)
  }
  guard.stdin?.write(`${line}\n`)
}

process.on('exit', () => {
  for (const pid of groups) killGroup(pid)
})

if (IN_TEST) {
  beforeEach(({ fullName }) => {
    inProgress.add(fullName)
  })
  afterEach(({ fullName }) => {
    inProgress.delete(fullName)
  })
  // Node calls it as soon as no test is left to run, which is the case after each of several files.
  if (!TOGETHER) {
    after(async () => {
      await endAll()
      mustExit()
    })
  }
}

/** Ends all that is open. */
export async function endAll(): Promise<void> {
  for (const started of [...open].reverse()) await endInTime(started)
}

/** The tests are over: fails if this process goes on for long. */
export function mustExit(): void {
  setTimeout(() => {
    const { open: left, handles } = whatIsOpen()
    console.error(
      `The tests are over, and there is still open: ${[...left, ...handles].join(', ')}`,
    )
    process.exit(1)
  }, LINGERING_MS).unref()
}

/** What a process writes, both streams together, until it ends. */
export interface Output {
  readonly pid: number
  /** What it has written up to when that matches; what it writes later counts as well. */
  until(pattern: RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
  /** When the process itself has ended; what it started, and its output, may not have. */
  readonly exited: Promise<unknown>
  /** When nobody has its output open any more. */
  readonly ended: Promise<{ code: number | null; output: string }>
}

export function outputOf(child: ChildProcess): Output {
  let output = ''
  let isOver = false
  const wrote = new EventEmitter().setMaxListeners(0)
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
      wrote.emit('more')
    })
  }
  const exited = once(child, 'exit')
  exited.catch(() => {}) // as of ended
  const ended = once(child, 'close').then(([code]) => {
    isOver = true
    wrote.emit('more')
    return { code: Number.isInteger(code) ? Number(code) : null, output }
  })
  ended.catch(() => {}) // whoever waits for it is told
  return {
    pid: child.pid ?? 0,
    exited,
    ended,
    until: async (pattern) => {
      while (!pattern.test(output)) {
        if (isOver) throw new Error(`the process ended without ${pattern}: ${output}`)
        await once(wrote, 'more')
      }
      return output
    },
    kill: (signal) => void child.kill(signal),
  }
}
