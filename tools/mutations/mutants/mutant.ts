/** A change of the code that removes an isolation check, and the tests that must notice it. */
export interface Mutant {
  readonly wall: string
  /** The broken promise. */
  readonly change: string
  readonly file: string
  /** Each text `from` occurs exactly once in the file, and is replaced by `to`. */
  readonly edits: readonly (readonly [from: string, to: string])[]
  /** Each must notice: a test file, and the pattern of its tests (`--test-name-pattern`). */
  readonly noticedBy: readonly (readonly [file: string, tests: string])[]
  /** Whether the tests may notice it because the server compares its schema with the catalogue and does not start. */
  readonly byStartupCheck?: boolean
}

type Edits = Mutant['edits']

/** Several mutants of one file of `backend/src`, noticed by one group of tests of `backend/tests`. */
export const mutants = (
  wall: string,
  file: string,
  [test, tests]: readonly [file: string, tests: string],
  changes: readonly (readonly [change: string, edits: Edits, tests?: string])[],
): Mutant[] =>
  changes.map(([change, edits, narrower]) => ({
    wall,
    change,
    file: `backend/src/${file}`,
    edits,
    noticedBy: [[`backend/tests/${test}`, [tests, narrower].filter(Boolean).join(' ')]],
  }))

export const FIRST_USER = `nullif(current_setting('app.user_id', true), '')`

/** For a change of the schema that only the startup check notices. */
export const byStartupCheck = (mutant: Mutant): Mutant => ({ ...mutant, byStartupCheck: true })
