import { connect } from '../../backend/src/database/connect.ts'
import { inTrial, withDirectClient } from '../../backend/src/database/direct.ts'
import { migrate } from '../../backend/src/database/migrate/migrate.ts'

export const DATA_MODEL = 'specs/001-backend-spec-manager/data-model.md'

const yes = (flag: string) => `case when ${flag} then 'yes' else 'no' end`
const SCHEMAS = `('todo', 'todo_auth')`
const TABLES = `pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname in ${SCHEMAS} and c.relkind = 'r'`

const grants = (role: string) => `
    select json_build_array(n.nspname, privilege, 'the schema') as cells
    from pg_namespace n cross join unnest(array['USAGE', 'CREATE']) privilege
    where n.nspname in ${SCHEMAS} and has_schema_privilege('${role}', n.oid, privilege)
    union all
    select json_build_array(relname, privilege, case when has_table_privilege('${role}', c.oid, privilege) then 'all'
      else string_agg(attname, ', ' order by attnum) end)
    from ${TABLES} join pg_attribute a on attrelid = c.oid and attnum > 0 and not attisdropped
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
    where has_column_privilege('${role}', c.oid, attnum, privilege) group by c.oid, relname, privilege
    union all
    select json_build_array(relname, privilege, 'all')
    from ${TABLES} cross join unnest(array['DELETE', 'TRUNCATE', 'TRIGGER']) privilege
    where has_table_privilege('${role}', c.oid, privilege)
    union all
    select json_build_array(proname, 'EXECUTE', 'the function')
    from pg_proc p join pg_namespace n on n.oid = pronamespace
    where n.nspname in ${SCHEMAS} and prorettype <> 'trigger'::regtype
      and has_function_privilege('${role}', p.oid, 'EXECUTE')`

/** The cells of the table under each heading of the data model, as the catalogue has them. */
export const MODEL_QUERIES = {
  Columns: `
    select json_build_array(relname, attname, format_type(atttypid, atttypmod), coalesce(collname, 'none'),
      ${yes('not attnotnull')}, coalesce(pg_get_expr(adbin, adrelid), 'none')) as cells
    from ${TABLES} join pg_attribute a on attrelid = c.oid and attnum > 0 and not attisdropped
    left join pg_attrdef d on adrelid = c.oid and adnum = attnum
    left join pg_collation l on l.oid = attcollation`,
  'Keys and checks': `
    select json_build_array(relname, conname, pg_get_constraintdef(k.oid)) as cells
    from ${TABLES} join pg_constraint k on conrelid = c.oid and contype <> 'n'`,
  Indexes: `select json_build_array(tablename, indexname, indexdef) as cells from pg_indexes where schemaname in ${SCHEMAS}`,
  'Row-level security': `
    select json_build_array(relname, ${yes('relrowsecurity')}, ${yes('relforcerowsecurity')}) as cells from ${TABLES}`,
  Policies: `
    select json_build_array(tablename, policyname, permissive, array_to_string(roles, ', '), cmd, qual, coalesce(with_check, 'none')) as cells
    from pg_policies where schemaname in ${SCHEMAS}`,
  Triggers: `
    select json_build_array(relname, tgname, pg_get_triggerdef(t.oid)) as cells
    from ${TABLES} join pg_trigger t on tgrelid = c.oid and not tgisinternal`,
  'Grants of tasks': grants('todo_user'),
  'Grants of accounts': grants('todo_accounts'),
}

/** Cells that are words, and no names. */
const WORDS = ['none', 'yes', 'no', 'all', 'the schema', 'the function']

/**
 * Brings the tables of the data model up to date with what the migrations create in an empty database.
 * The text around the tables and the last column of the first one are written by hand, and stay.
 *
 * @returns the whole document.
 */
export async function updateDataModel(text: string): Promise<string> {
  const connector = await connect({
    database: { kind: 'pglite', directory: null },
    poolMax: 1,
  })
  let updated = text
  try {
    await migrate(connector)
    await withDirectClient(connector.direct, (client) =>
      inTrial(client, async () => {
        for (const [heading, query] of Object.entries(MODEL_QUERIES)) {
          const { rows } = await client.query<{ cells: string[] }>(query)
          const cells = rows.map((row) => row.cells)
          updated = updateTable(updated, heading, cells)
        }
      }),
    )
  } finally {
    await connector.close()
  }
  return updated
}

/** The first two cells name a row. Rows that are there keep their place. */
function updateTable(text: string, heading: string, rows: readonly string[][]): string {
  const at = text.indexOf(`\n## ${heading}\n`)
  const [table = ''] = /^\|.*\n\|.*\n(\|.*\n)*/m.exec(text.slice(at)) ?? []
  const [head = '', rule = '', ...lines] = table.trimEnd().split('\n')
  const left = new Map(rows.map((row) => [nameOf(row), row]))
  const kept = lines.flatMap((line) => {
    const cells = cellsOf(line)
    const row = left.get(nameOf(cells))
    left.delete(nameOf(cells))
    if (row === undefined) return []
    const isCurrent = row.every((cell, place) => cell === cells[place])
    return isCurrent ? line : lineOf(row, cellsOf(line, false).slice(row.length))
  })
  for (const row of left.values()) {
    const [of = ''] = row
    const behind = kept.findLastIndex((line) => cellsOf(line)[0] === of)
    const spare = cellsOf(head)
      .slice(row.length)
      .map(() => '')
    kept.splice(behind === -1 ? kept.length : behind + 1, 0, lineOf(row, spare))
  }
  const updated = `${[head, rule, ...kept].join('\n')}\n`
  return text.slice(0, at) + text.slice(at).replace(table, () => updated)
}

const nameOf = (cells: readonly string[]) => cells.slice(0, 2).join(' ')

function cellsOf(line: string, plain = true): string[] {
  const cells = line.slice(1, -1).split('|')
  return cells.map((cell) => (plain ? cell.trim().replaceAll('`', '') : cell.trim()))
}

function lineOf(row: readonly string[], rest: readonly string[]): string {
  const cells = row.map((cell) => (WORDS.includes(cell) ? cell : `\`${cell}\``))
  return `| ${[...cells, ...rest].join(' | ')} |`
}
