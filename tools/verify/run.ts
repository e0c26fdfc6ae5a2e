import { pairOf } from './attempts.ts'
import { CannotRun, Client, readAddress } from './client.ts'
import { matrix } from './matrix.ts'
import { type Account, deleteAccount, greet, type Person, personOf, signUp } from './people.ts'
import { deleteTasks, makeTasks, newMark } from './tasks.ts'
import { type Check, Trial } from './trial.ts'

export interface Verification {
  readonly address: string
  /** The tokens of two users; null creates two accounts for this run. */
  readonly tokens: readonly [a: string, b: string] | null
  /** Ends the run. The tasks and accounts of this run are still deleted. */
  readonly stop: AbortSignal
  /** The names of the groups of attempts to make. All by default. */
  readonly groups?: readonly string[]
  /** Receives messages for the operator. */
  report(line: string): void
}

export interface Report {
  readonly checks: readonly Check[]
  readonly foreignBytes: number
  /** The tasks and accounts of this run that could not be deleted. */
  readonly left: readonly string[]
}

/** @returns whether users are isolated as they should be, and nothing of the run is left. */
export function hasPassed({ checks, foreignBytes, left }: Report): boolean {
  const good = checks.every(({ wrong }) => wrong === undefined) && foreignBytes === 0
  return good && left.length === 0
}

/**
 * Tries to reach each of two users' tasks as the other, on a live server. Deletes its tasks and accounts, also
 * if it ends early.
 *
 * @throws {CannotRun} with the reason, if there is no result.
 */
export async function verify({
  address,
  tokens,
  stop,
  groups,
  report,
}: Verification): Promise<Report> {
  const url = readAddress(address)
  const client = new Client(url, report, stop)
  const cleaner = new Client(url, report)
  const mark = newMark()
  const accounts: Account[] = []
  const people: Person[] = []
  const left: string[] = []
  try {
    const keep = (account: Account) => accounts.push(account)
    const a = tokens ? personOf('A', tokens[0]) : await signUp(client, 'A', keep)
    const b = tokens ? personOf('B', tokens[1]) : await signUp(client, 'B', keep)
    if (a.id === b.id) {
      throw new CannotRun(`Both tokens are of the user ${a.id}: it takes those of two users`)
    }
    for (const person of [a, b]) await greet(client, person)
    people.push(a, b)
    const [one, other] = await makeTasks(client, [a, b], mark)
    const pairs = [pairOf(one, other, mark.run), pairOf(other, one, mark.run)]
    const trials: Trial[] = []
    for (const pair of pairs) {
      const trial = new Trial(client, pair)
      const all = matrix(pair)
      await trial.run(groups ? all.filter(({ name }) => groups.includes(name)) : all)
      trials.push(trial)
    }
    return {
      checks: trials.flatMap(({ checks }) => checks),
      foreignBytes: trials.reduce((sum, { foreignBytes }) => sum + foreignBytes, 0),
      left,
    }
  } finally {
    left.push(...(await deleteTasks(cleaner, people, mark)))
    for (const account of accounts) {
      if (!(await deleteAccount(cleaner, account))) left.push(`the account ${account.email}`)
    }
    for (const what of left) report(`Left behind, since it could not be deleted: ${what}`)
    client.close()
    cleaner.close()
  }
}
