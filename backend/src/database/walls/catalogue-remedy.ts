import type { Difference, Entry } from './catalogue.ts'

const MIGRATIONS = 'backend/src/database/migrate/migrations'
const REQUESTS = 'public, todo_user, todo_accounts'

/** @returns a sentence about a difference, with the statement that repairs it. */
export function explain({ expected, found }: Difference): string {
  if (expected === undefined) {
    return found === undefined ? '' : `${added(found)}. Run: ${removal(found)}`
  }
  const { kind, name } = expected
  const subject = `The ${kind} "${name}"`
  if (found === undefined) {
    const again = repairs(expected) ? ', and npm run migrate creates it again' : ''
    return `${subject} is missing. The migrations created it${again}. Run: ${restoration(expected)}`
  }
  const change = `it is "${found.definition}", and must be "${expected.definition}"`
  return `${subject} was changed: ${change}. Run: ${correction(expected, found)}`
}

/** @returns a sentence about privileges that are missing, with the statements that grant all of them. */
export function explainGrants(differences: readonly Difference[]): string {
  const statements = differences.flatMap(({ expected }) =>
    expected === undefined ? [] : [restoration(expected).trim().replace(/\s+/g, ' ')],
  )
  return `${statements.length} privileges that the migrations granted are missing. Run npm run migrate, which grants them again. Or run: ${statements.join('; ')}`
}

function added(found: Entry): string {
  const { kind, name, relation } = found
  switch (kind) {
    case 'view':
    case 'materialized view':
    case 'table with a rule':
    case 'function elsewhere':
      return `The ${kind} "${name}" reaches the rows of users with the rights of its owner, past row level security, and requests may use it`
    case 'foreign key':
      return `The foreign key "${name}" of another table decides what may be deleted from ${relation}`
    default:
      return `The ${kind} "${name}" was added, and no migration created it`
  }
}

/** @returns the statement that removes an entry that was added. */
export function removal({ kind, name, relation }: Entry): string {
  switch (kind) {
    case 'grant':
      return `revoke ${name.replace(/ to (?=\S+$)/, ' from ')}`
    case 'column':
      return `alter table ${relation} drop column ${name.slice(`${relation}.`.length)}`
    case 'constraint':
    case 'foreign key': {
      const [constraint, table] = splitName(name)
      return `alter table ${table} drop constraint ${constraint}`
    }
    case 'child table':
      return `alter table ${name} no inherit ${relation}`
    case 'default privileges':
      return `alter default privileges ${name}`
    case 'view':
      return `alter view ${name} set (security_invoker = true), or revoke all on ${name} from ${REQUESTS}`
    case 'materialized view':
    case 'table with a rule':
      return `revoke all on ${name} from ${REQUESTS}`
    case 'function elsewhere':
      return `revoke execute on function ${name} from ${REQUESTS}`
    default:
      return `drop ${kind} ${name}`
  }
}

/** Whether `npm run migrate` creates the entry again if it is missing (repair.ts). */
export function repairs({ kind }: Entry): boolean {
  return kind === 'grant' || kind === 'policy'
}

/** @returns the statement that creates a missing entry; not for every kind. */
export function restoration({ kind, name, relation, definition }: Entry): string {
  switch (kind) {
    case 'policy':
      return `create policy ${name} ${definition}`
    case 'trigger':
    case 'rule':
      return definition
    case 'grant':
      return `grant ${name} ${definition}`
    case 'constraint':
      return `alter table ${relation} add constraint ${splitName(name)[0]} ${definition}`
    case 'setting':
      return `set ${name} = ${definition}`
    default:
      return `the statement that creates it in ${MIGRATIONS}`
  }
}

function correction(expected: Entry, found: Entry): string {
  const { kind, name, relation, definition } = expected
  const [part] = splitName(name)
  switch (kind) {
    case 'table': {
      const verb = definition.includes('enabled') ? 'enable' : 'disable'
      const force = definition.includes('forced') ? '' : 'no '
      return `alter table ${name} ${verb} row level security, ${force}force row level security`
    }
    case 'trigger':
      if (found.definition.startsWith(definition)) {
        return `alter table ${relation} enable trigger ${part}`
      }
      break
    case 'constraint':
      // A foreign key has triggers on both tables.
      if (found.definition.startsWith(definition)) {
        return `alter table ${/ REFERENCES (\S+)\(/.exec(definition)?.[1] ?? relation} enable trigger all; alter table ${relation} enable trigger all`
      }
      return `alter table ${relation} drop constraint ${part}; ${restoration(expected)}`
    case 'grant':
      return `revoke grant option for ${name.replace(/ to (?=\S+$)/, ' from ')}`
    case 'column':
    case 'function':
      return restoration(expected)
    case 'setting':
      return `alter role … or alter database … reset ${name}`
  }
  return `${removal(found)}; ${restoration(expected)}`
}

/** The two parts of `own_tasks on todo.tasks`. */
function splitName(name: string): [part: string, table: string] {
  const at = name.lastIndexOf(' on ')
  return [name.slice(0, at), name.slice(at + ' on '.length)]
}
