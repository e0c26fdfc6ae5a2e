import { withoutSecrets } from './redact.ts'
import { ConfigError } from './settings.ts'

/** What is to be written before the process ends. */
interface Ending {
  write(text: string): void
  /** Whether the process can exit then. */
  end(limitMs: number): Promise<boolean>
  endNow(): void
}

/** Nobody may read what is left; then the process ends without it. */
const OUTPUT_LIMIT_MS = 150

let output: Ending | undefined

// A pipe that nobody reads any more is no reason to end: what is written to it is lost.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

/** The log, which is written before the process ends. */
export function atEnd(ending: Ending): void {
  output = ending
  process.once('exit', () => ending.endNow())
}

/** Prints for a person what may be lost where nobody reads. */
export function print(text: string): void {
  if (output === undefined) console.log(text)
  else output.write(`${text}\n`)
}

/** Ends the process when the log is written, or without its rest where nobody takes that. */
export async function end(code: number): Promise<never> {
  process.exitCode = code
  const canExit = (await output?.end(OUTPUT_LIMIT_MS)) ?? true
  // A thread that waits for a write would keep the process from its exit for ever.
  if (!canExit) process.kill(process.pid, 'SIGKILL')
  return process.exit(code)
}

/** Ends the process with 1 and the reason in one line on standard error, without passwords. */
export function endWithReason(error: unknown): Promise<never> {
  const reason = error instanceof Error ? error.message : String(error)
  // A setting’s message shows what it takes, and quotes no value.
  console.error(error instanceof ConfigError ? reason : withoutSecrets(reason))
  return end(1)
}
