import { withoutSecrets } from './redact.ts'
import { ConfigError } from './settings.ts'

/** Ends the process with 1 and the reason in one line on standard error, without passwords. */
export function endWithReason(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  // A setting’s message shows what it takes, and quotes no value.
  console.error(error instanceof ConfigError ? reason : withoutSecrets(reason))
  process.exit(1)
}
