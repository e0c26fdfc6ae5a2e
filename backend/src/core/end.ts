/** Ends the process with 1 and the reason in one line on standard error. */
export function endWithReason(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
