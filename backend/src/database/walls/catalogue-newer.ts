import type { Difference, Entry } from './catalogue.ts'

/** The catalogue of this version, and that of the database. */
export interface Catalogues {
  readonly expected: readonly Entry[]
  readonly found: readonly Entry[]
}

/** A grant to a role of requests. Only functions, which run with the rights of the caller, may be for all. */
const TO_REQUESTS = / to (todo_user|todo_accounts)$/
const COLUMN_GRANT = /^\w+ \((?<column>.+)\) on table (?<table>.+) to \w+$/
const EXECUTE_GRANT = /^execute on function (?<name>.+) to \w+$/
const SEQUENCE_GRANT = /^usage on sequence /
const OUR_FUNCTION = / EXECUTE FUNCTION todo(_auth)?\./

/**
 * Whether a compatible migration of a newer version may have made the difference, and it cannot weaken the
 * isolation of the tables that this version knows. Such additions are:
 *
 * - a new table with everything that belongs to it, and the use of a new sequence. The other checks try the
 *   table as they try every table;
 * - a column that this version can leave out, and its privileges;
 * - a constraint, a trigger, and a function without the rights of its owner.
 *
 * Nothing that this version knows may be changed or missing. In particular its tables get no further policy
 * and no further privilege.
 */
export function isHarmless({ expected, found }: Difference, catalogues: Catalogues): boolean {
  if (expected !== undefined || found === undefined) return false
  const { kind, definition, relation } = found
  if (kind === 'grant') return definition === '' && isHarmlessGrant(found, catalogues)
  if (kind === 'function') return !/\bsecurity definer\b/i.test(definition)
  if (relation === null) return false
  if (isNewTable(relation, catalogues)) return true
  if (kind === 'column') return canBeLeftOut(definition)
  if (kind === 'trigger') return OUR_FUNCTION.test(definition)
  return kind === 'constraint'
}

function isHarmlessGrant({ name, relation }: Entry, catalogues: Catalogues): boolean {
  const execute = EXECUTE_GRANT.exec(name)?.groups?.name
  if (execute !== undefined) return isNew('function', execute, catalogues)
  if (relation === null || !TO_REQUESTS.test(name)) return false
  if (isNewTable(relation, catalogues)) return true
  if (SEQUENCE_GRANT.test(name))
    return !catalogues.expected.some((one) => one.relation === relation)
  const { column, table } = COLUMN_GRANT.exec(name)?.groups ?? {}
  return table === relation && isNew('column', `${table}.${column}`, catalogues)
}

function isNewTable(name: string, catalogues: Catalogues): boolean {
  return isNew('table', name, catalogues)
}

/** Whether the database has an entry that this version does not know. */
function isNew(kind: string, name: string, { expected, found }: Catalogues): boolean {
  const has = (entries: readonly Entry[]) =>
    entries.some((entry) => entry.kind === kind && entry.name === name)
  return has(found) && !has(expected)
}

/** The server inserts rows without the column. */
function canBeLeftOut(definition: string): boolean {
  return !/ not null\b/.test(definition) || / (default|generated|identity)\b/.test(definition)
}

/** @returns a sentence about another difference. Its repair would undo the work of a newer version. */
export function explainNewer({ expected, found }: Difference, newer: readonly string[]): string {
  const { kind, name } = expected ?? found ?? { kind: 'part', name: '' }
  const change =
    expected === undefined ? 'was added' : found === undefined ? 'is missing' : 'differs'
  return `The database has ${newer.join(', ')} of a newer version of this server, and the ${kind} "${name}" ${change}. This version cannot tell whether users are still isolated. Start the version that made the database, or a newer one. To go back, restore a backup from before the upgrade into an empty database: npm run restore -- <file>`
}
