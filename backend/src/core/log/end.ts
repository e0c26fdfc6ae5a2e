import { hostname } from 'node:os'
import { accessRemedy } from '../access-remedy.ts'
import { ConfigError } from '../config/settings.ts'
import { withoutSecrets } from './redact.ts'

/** Output that is written before the process ends. */
interface Ending {
  write(text: string): void
  /** Resolves with whether the process can exit; false while a thread is blocked in a write. */
  end(limitMs: number): Promise<boolean>
  endNow(): void
}

/** The process ends without the rest of its output if nobody reads that within this time. */
const OUTPUT_LIMIT_MS = 150

let output: Ending | undefined

// Without a listener, an EPIPE error after the reader has closed the pipe would end the process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

/** Registers output, such as the log, that is written before the process ends. */
export function atEnd(ending: Ending): void {
  output = ending
  process.once('exit', () => ending.endNow())
}

/** Prints text for a person on standard output. It is lost if nobody reads there. */
export function print(text: string): void {
  if (output === undefined) console.log(text)
  else output.write(`${text}\n`)
}

/** Ends the process when the log is written, or after {@link OUTPUT_LIMIT_MS} without the rest of it. */
export async function end(code: number): Promise<never> {
  process.exitCode = code
  const canExit = (await output?.end(OUTPUT_LIMIT_MS)) ?? true
  // A thread that is blocked in a write would prevent the exit forever.
  if (!canExit) process.kill(process.pid, 'SIGKILL')
  return process.exit(code)
}

const FATAL = 60

/** Errors of the file system say neither whose a file is nor what to do. */
function messageOf(error: Error): string {
  const remedy = accessRemedy(error)
  return remedy === '' ? error.message : `${error.message}.${remedy}`
}

/**
 * Ends the process with the exit code and prints the reason, without passwords, on standard error.
 *
 * @param asLogLine whether a program reads it: as a JSON line like those of the log, whatever the log level.
 */
export function endWithReason(error: unknown, code = 1, asLogLine = false): Promise<never> {
  const reason = error instanceof Error ? messageOf(error) : String(error)
  // A ConfigError never quotes a value. Its example of a connection string must stay readable.
  const msg = error instanceof ConfigError ? reason : withoutSecrets(reason)
  const { pid } = process
  const line = { level: FATAL, time: Date.now(), pid, hostname: hostname(), msg }
  console.error(asLogLine ? JSON.stringify(line) : msg)
  return end(code)
}
