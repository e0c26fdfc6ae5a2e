import { FUNCTIONS, TABLES } from '../database/row-level-security.cases.ts'
import type { CaseDatabase } from './case-database.ts'
import type { Case, Role } from './cases.ts'

/** The owner has every right, granted or not. */
const GRANTED: readonly Role[] = ['todo_user', 'todo_accounts', 'public']
const COMMANDS = ['select', 'insert', 'update', 'delete', 'truncate']
const DENIED = '42501'

const OURS = `nspname !~ '^pg_' and nspname <> 'information_schema'`
const RELATIONS = `
  select format('%I.%I', nspname, relname) as name, relrowsecurity and relforcerowsecurity as walled
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${OURS} order by 1`
/** By table and by column, to the roles themselves and to everybody. */
const GRANTS = `
  select distinct format('%I.%I', nspname, relname) as name, lower(privilege_type) as command,
    coalesce(rolname, 'public') as role
  from pg_class c join pg_namespace n on n.oid = relnamespace
  cross join lateral (
    select * from aclexplode(relacl)
    union all select acl.* from pg_attribute, aclexplode(attacl) acl where attrelid = c.oid
  ) acl
  left join pg_roles r on r.oid = grantee
  where ${OURS} and (grantee = 0 or rolname in ('todo_user', 'todo_accounts'))`
const FUNCTION_NAMES = `
  select format('%I.%I(%s)', nspname, proname, replace(oidvectortypes(proargtypes), ', ', ',')) as name
  from pg_proc p join pg_namespace n on n.oid = pronamespace
  where ${OURS} order by 1`
const POWERFUL = `
  select rolname as role from pg_roles r where rolname in ('todo_user', 'todo_accounts')
    and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin
      or exists (select from pg_class where relowner = r.oid)
      or exists (select from pg_proc where proowner = r.oid)
      or exists (select from pg_namespace where nspowner = r.oid)
      or exists (select from pg_auth_members where member = r.oid)) order by 1`

/** What the live catalogue has and the cases do not, a line each; none where they are complete. */
export async function missingCases(admin: CaseDatabase['admin']): Promise<string[]> {
  const relations = (await admin(RELATIONS)).map(({ name, walled }) => ({
    name: String(name),
    walled: walled === true,
  }))
  const grants = new Set(
    (await admin(GRANTS)).map(({ role, command, name }) => `${role} ${command} ${name}`),
  )
  const functions = (await admin(FUNCTION_NAMES)).map(({ name }) => String(name))
  const powerful = await admin(POWERFUL)
  return [
    ...powerful.map(({ role }) => `${role} may do more than it was granted`),
    ...relations.flatMap(({ name, walled }) => ofRelation(name, walled, grants)),
    ...Object.keys(TABLES)
      .filter((table) => !relations.some(({ name }) => name === table))
      .map((table) => `there is no ${table}`),
    ...functions.flatMap((name) =>
      GRANTED.filter((role) => !FUNCTIONS[name]?.some((one) => one[0] === role)).map(
        (role) => `${name} has no case of ${role}`,
      ),
    ),
  ]
}

function ofRelation(name: string, walled: boolean, grants: ReadonlySet<string>): string[] {
  const table = TABLES[name]
  if (table === undefined) return [`${name} has no cases`]
  const lines: string[] = []
  for (const role of GRANTED) {
    const granted = (command: string) =>
      grants.has(`${role} ${command} ${name}`) || grants.has(`public ${command} ${name}`)
    for (const command of COMMANDS) {
      const own = table.cases.filter((one) => one[0] === role && one[1].startsWith(command))
      const shown = granted(command) ? own.some(isServed) : own.some((one) => !isServed(one))
      const is = granted(command) ? 'is' : 'is not'
      if (!shown) lines.push(`${role} ${is} granted ${command} on ${name}, and no case shows it`)
    }
  }
  for (const grant of grants) {
    const [role, command, on] = grant.split(/ (.*) (?=\S+$)/)
    if (on === name && !COMMANDS.includes(command ?? '')) {
      lines.push(`${role} is granted ${command} on ${name}, which no case can show`)
    }
  }
  if (table.owner !== undefined) {
    if (!walled) lines.push(`${name} has owners, and row level security is not enabled and forced`)
    for (const command of COMMANDS) {
      const shown = table.cases.some((one) => one[0] === 'owner' && one[1].startsWith(command))
      if (!shown) lines.push(`owner may ${command} on ${name}, and no case shows it`)
    }
  }
  return lines
}

/** Whether a case is served in one scope at least. */
function isServed([, , outcome]: Case): boolean {
  return Object.values(outcome).some((what) => what !== DENIED)
}
