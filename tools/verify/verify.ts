import { readArguments, UsageError } from '../../backend/src/core/arguments.ts'
import { settingsReader } from '../../backend/src/core/config/settings.ts'
import { STOP_SIGNALS } from '../../backend/src/processes/stop.ts'
import { CannotRun } from './client.ts'
import { hasPassed, type Report, verify } from './run.ts'

const USAGE =
  'Usage: npm run verify -- <address> [--sign-up] [--json], with the tokens of two users in TODO_TOKEN_A and TODO_TOKEN_B, or with --sign-up'

/** The exit code if there is no result. */
const COULD_NOT_RUN = 2
/** Ctrl-C reaches this program twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 1_000

function parse() {
  const { positionals, flags } = readArguments({
    usage: USAGE,
    flags: ['sign-up', 'json'],
    least: 1,
    most: 1,
  })
  const [address = ''] = positionals
  return { address, signUp: flags.has('sign-up'), json: flags.has('json') }
}

/** @returns two users' tokens. Every local user could read command-line arguments. @throws {CannotRun} */
function tokensFor(signUp: boolean): [string, string] | null {
  const { text } = settingsReader(process.env)
  const [a, b] = [text('TODO_TOKEN_A'), text('TODO_TOKEN_B')]
  if (signUp) {
    if (a === undefined && b === undefined) return null
    throw new CannotRun('There are tokens, and --sign-up: leave one of them out')
  }
  if (a !== undefined && b !== undefined) return [a, b]
  throw new CannotRun(`TODO_TOKEN_${a === undefined ? 'A' : 'B'} is not set. ${USAGE}`)
}

function untilStopped(report: (line: string) => void): AbortSignal {
  const stop = new AbortController()
  let stoppedMs: number | undefined
  const onSignal = () => {
    if (stoppedMs === undefined) {
      stoppedMs = performance.now()
      report('Stopping after the tasks and accounts of this run are deleted')
      stop.abort()
    } else if (performance.now() - stoppedMs > SAME_SIGNAL_MS) {
      process.exit(COULD_NOT_RUN)
    }
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  return stop.signal
}

/** @returns a line for each group, one for each failed check, and the total. */
function lines({ checks, foreignBytes }: Report): string[] {
  const groups = Map.groupBy(checks, ({ group }) => group)
  const failures = (of: Report['checks']) => of.filter(({ wrong }) => wrong !== undefined)
  return [
    ...[...groups].flatMap(([group, of]) => [
      `${group}: ${of.length} checks, ${failures(of).length} failed`,
      ...failures(of).map(({ name, who, wrong }) => `  FAILED (${who}) ${name} ${wrong}`),
    ]),
    `${checks.length} checks, ${failures(checks).length} failed, ${foreignBytes} foreign bytes`,
  ]
}

/** `npm run verify -- <address>`: checks as a client that a server isolates two users. */
try {
  const print = (line: string) => console.error(line)
  const { address, signUp, json } = parse()
  const report = await verify({
    address,
    tokens: tokensFor(signUp),
    stop: untilStopped(print),
    report: print,
  })
  console.log(json ? JSON.stringify(report, null, 2) : lines(report).join('\n'))
  process.exitCode = hasPassed(report) ? 0 : 1
} catch (error) {
  console.error(error instanceof CannotRun || error instanceof UsageError ? error.message : error)
  process.exitCode = COULD_NOT_RUN
}
