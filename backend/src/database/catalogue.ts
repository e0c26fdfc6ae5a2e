import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { explain } from './catalogue-remedy.ts'
import { CATALOGUE } from './catalogue-sql.ts'
import { WallError } from './wall-error.ts'

/** Something in the database that decides who may do what. */
export interface Entry {
  readonly kind: string
  /** As SQL names it: `own_tasks on todo.tasks`, for one. */
  readonly name: string
  /** The table it belongs to, if it belongs to one. */
  readonly relation: string | null
  readonly definition: string
}

/** What is not as the migrations made it: added, missing, or changed. */
export interface Difference {
  readonly expected: Entry | undefined
  readonly found: Entry | undefined
}

/** What the migrations make, written by `npm run catalogue`. */
export const CATALOGUE_FILE = new URL('./catalogue.json', import.meta.url)

const keyOf = ({ kind, name }: Entry) => `${kind} ${name}`

/** Reads it from the live database, in a transaction of the login. */
export async function readCatalogue(client: Client): Promise<Entry[]> {
  // Expressions are printed as these have it.
  await client.query(`set local intervalstyle = postgres; set local quote_all_identifiers = off`)
  const { rows } = await client.query(CATALOGUE)
  // The order of text depends on the database's collation.
  return rows
    .map(({ kind, name, relation, definition }) => ({ kind, name, relation, definition }))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

/** An entry a line, so that a change shows what it changes. */
export function writeCatalogue(entries: readonly Entry[]): string {
  return `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`
}

/**
 * Proves that the database is what the migrations made of it, as far as it decides who may do what.
 * Indexes, statistics, storage and comments are the operator's, and so are the rights of roles that
 * no request has, and tables that requests do not reach.
 *
 * @throws {WallError} names one difference, and what mends it.
 */
export async function proveCatalogue(client: Client): Promise<void> {
  const expected: Entry[] = JSON.parse(await readFile(CATALOGUE_FILE, 'utf8'))
  const [difference, ...more] = compare(expected, await readCatalogue(client))
  if (difference === undefined) return
  const others = more.length === 0 ? '' : ` (${more.length} more differ)`
  throw new WallError(`${explain(difference).replace(/\s+/g, ' ')}${others}`)
}

function compare(expected: readonly Entry[], found: readonly Entry[]): Difference[] {
  const tables = new Set(expected.map(({ relation }) => relation))
  const before = new Map(expected.map((entry) => [keyOf(entry), entry]))
  const now = new Map(found.map((entry) => [keyOf(entry), entry]))
  const added = found.filter(
    (entry) =>
      before.get(keyOf(entry))?.definition !== entry.definition &&
      (entry.kind === 'grant' || entry.relation === null || tables.has(entry.relation)),
  )
  const missing = expected.filter((entry) => !now.has(keyOf(entry)) && !isPublicGrant(entry))
  return [
    ...added.map((entry) => ({ expected: before.get(keyOf(entry)), found: entry })),
    ...missing.map((entry) => ({ expected: entry, found: undefined })),
  ]
}

/** Some take from everybody what PostgreSQL gives by default; that lets nobody in. */
function isPublicGrant({ kind, name }: Entry): boolean {
  return kind === 'grant' && name.endsWith(' to public')
}
