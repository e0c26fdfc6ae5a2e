import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { explainNewer, isHarmless } from './catalogue-newer.ts'
import { explain, explainGrants } from './catalogue-remedy.ts'
import { CATALOGUE } from './catalogue-sql.ts'
import { WallError } from './wall-error.ts'

/** An object, privilege or setting in the database that decides who may do what. */
export interface Entry {
  readonly kind: string
  /** Its name in SQL, for example `own_tasks on todo.tasks`. */
  readonly name: string
  /** The table it belongs to, or null. */
  readonly relation: string | null
  readonly definition: string
}

/** An entry that differs from what the migrations create: added, missing, or changed. */
export interface Difference {
  readonly expected: Entry | undefined
  readonly found: Entry | undefined
}

/** The catalogue that the migrations create, written by `npm run catalogue`. */
export const CATALOGUE_FILE = new URL('./catalogue.json', import.meta.url)

const keyOf = ({ kind, name }: Entry) => `${kind} ${name}`

/** Reads the catalogue of the live database, in the current transaction of the login. */
export async function readCatalogue(client: Client): Promise<Entry[]> {
  // These settings determine how PostgreSQL prints expressions.
  await client.query(`set local intervalstyle = postgres; set local quote_all_identifiers = off`)
  const { rows } = await client.query(CATALOGUE)
  // The order of text depends on the database's collation.
  return rows
    .map(({ kind, name, relation, definition }) => ({ kind, name, relation, definition }))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

/** @returns the catalogue as JSON with one entry per line, so that a diff shows single entries. */
export function writeCatalogue(entries: readonly Entry[]): string {
  return `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`
}

/**
 * Checks that every object, privilege and setting that decides about access is as the migrations created it.
 * The operator may change indexes, statistics, storage and comments, the privileges of roles that no request
 * uses, and tables that requests cannot reach.
 *
 * @param newer the applied migrations of a newer version. The additions of `isHarmless` are then accepted.
 * @throws {WallError} with one difference and the statement that repairs it.
 */
export async function proveCatalogue(client: Client, newer: readonly string[] = []): Promise<void> {
  const catalogues = { expected: await readExpected(), found: await readCatalogue(client) }
  const isFault = (one: Difference) => newer.length === 0 || !isHarmless(one, catalogues)
  const all = compare(catalogues.expected, catalogues.found)
  const faults = all.filter(isFault)
  const [difference, ...more] = faults
  if (difference === undefined) return
  if (more.length > 0 && faults.every(isMissingGrant)) throw new WallError(explainGrants(faults))
  if (newer.length > 0) throw new WallError(explainNewer(difference, newer))
  const others = more.length === 0 ? '' : ` (${more.length} more differ)`
  throw new WallError(`${explain(difference).replace(/\s+/g, ' ')}${others}`)
}

/** Whether a role lacks a privilege that the migrations granted. */
export function isMissingGrant({ expected, found }: Difference): boolean {
  return expected?.kind === 'grant' && found === undefined
}

/** Reads the differences between the live database and the migrations, in the current transaction. */
export async function readDifferences(client: Client): Promise<Difference[]> {
  return compare(await readExpected(), await readCatalogue(client))
}

async function readExpected(): Promise<Entry[]> {
  return JSON.parse(await readFile(CATALOGUE_FILE, 'utf8'))
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

/** Operators may revoke PostgreSQL's default grants to PUBLIC. That gives no one access. */
function isPublicGrant({ kind, name }: Entry): boolean {
  return kind === 'grant' && name.endsWith(' to public')
}
