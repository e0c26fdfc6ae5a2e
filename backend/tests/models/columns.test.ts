import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { type Column, insertedOf, namesOf } from '../../src/models/columns.ts'
import { jsonOf } from '../../src/models/json.ts'
import { COLUMNS, withDefaults } from '../../src/models/tasks/columns.ts'
import { FOLDED, withFolded } from '../../src/models/tasks/folded.ts'
import { listLongTasks, listTasks } from '../../src/models/tasks/list.ts'
import { moveTask } from '../../src/models/tasks/move.ts'
import { insertTaskOnce, toggleTaskOnce } from '../../src/models/tasks/once.ts'
import { deleteTask, findTask, insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import { purgeTask, purgeTrash, restoreTask } from '../../src/models/tasks/trash.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { changedOf, updatedOf } from '../../src/models/update.ts'
import { NewTask, Task, TaskChanges } from '../../src/schemas/tasks/task.ts'
import {
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
  taskId,
} from '../support/databases.ts'

const columns: readonly Column[] = COLUMNS
const clients = columns.filter(({ setBy }) => setBy === 'client')
const names = (some: readonly Column[]) => some.map(({ name }) => name)

/** The JSON Schema type of a column's type. */
const SCHEMA_TYPES: Record<Column['type'], string> = {
  uuid: 'string',
  text: 'string',
  boolean: 'boolean',
  smallint: 'string',
  'text[]': 'array',
  jsonb: 'object',
  date: 'string',
  'time without time zone': 'string',
  'timestamp(3) with time zone': 'string',
}

const catalogue: { kind: string; name: string; definition: string }[] = JSON.parse(
  readFileSync(new URL('../../src/database/walls/catalogue.json', import.meta.url), 'utf8'),
)

/** Columns of a task that are not members of its JSON. */
const HIDDEN = [
  ['seq', 'bigint not null'],
  ['deleted_at', 'timestamp(3) with time zone'],
  ['purged_at', 'timestamp(3) with time zone'],
  ['folded_title', 'text not null'],
  ['folded_description', 'text'],
  ['folded_tags', 'text[] not null'],
] as const
/** Columns that triggers set. */
const SET_BY_TRIGGERS = [
  ['series_start', 'date'],
  ['series_date', 'date'],
  ['series_number', 'integer'],
  ['next_id', 'uuid'],
] as const

describe('the columns of a task', () => {
  it('are the members of the schema, in its order, and null where it allows null', () => {
    const members: Record<string, { type: string | readonly string[] }> = Task.properties
    assert.deepEqual(Object.keys(members), names(columns))
    assert.deepEqual([...Task.required], names(columns))
    for (const { name, type, nullable } of columns) {
      const expected = nullable ? [SCHEMA_TYPES[type], 'null'] : SCHEMA_TYPES[type]
      assert.deepEqual(members[name]?.type, expected, name)
    }
  })

  it('that a client may set are those of the schemas of a new task and of changes', () => {
    const others = names(columns.filter(({ setBy }) => setBy !== 'client'))
    assert.deepEqual(Object.keys(NewTask.properties), [...names(clients), 'id', 'user_id'])
    // A task that was read may be sent back whole.
    assert.deepEqual(Object.keys(TaskChanges.properties), [...names(clients), ...others])
    const required = clients.filter((column) => !('default' in column || 'absent' in column))
    assert.deepEqual([...NewTask.required], names(required))
  })

  it('are those of the table, with the same types', () => {
    const inTable = catalogue
      .filter(({ kind, name }) => kind === 'column' && name.startsWith('todo.tasks.'))
      .map(({ name, definition }) => [
        name.split('.').at(-1)?.replaceAll('"', ''),
        definition.replace(/ collate "\w+"/, '').replace(/ default .*/, ''),
      ])
    const inList = columns.map(({ name, type, nullable }) => [
      name,
      nullable ? type : `${type} not null`,
    ])
    assert.deepEqual(inTable.sort(), [...inList, ...HIDDEN, ...SET_BY_TRIGGERS].sort())
  })

  it('that change are those that the role of users may update, and no others', () => {
    const granted = catalogue.flatMap(
      ({ kind, name }) =>
        (kind === 'grant' &&
          /^update \("?(\w+)"?\) on table todo\.tasks to todo_user$/.exec(name)?.[1]) ||
        [],
    )
    const changing = columns.filter(({ setBy }) => setBy !== 'insertion')
    const hidden = HIDDEN.map(([name]) => name)
    assert.deepEqual(granted.sort(), [...names(changing), ...hidden].sort())
  })

  it('are set by UPDATE if they are given, with all that is computed from them', () => {
    const hidden = (name: string) => FOLDED.filter(({ of }) => of === name).map((one) => one.name)
    const derived = (name: string) =>
      columns.filter((one) => one.setBy === 'derivation' && one.from.includes(name))
    const sampleOf = (name: string) => (name === 'tags' ? [] : name === 'title' ? 'x' : null)
    const texts = new Set<string>()
    for (const { name } of clients) {
      for (const other of clients) {
        const given = Object.fromEntries([name, other.name].map((one) => [one, sampleOf(one)]))
        const { text } = updateTask(taskId(1), given, undefined).sql
        texts.add(text)
        for (const set of [name, ...hidden(name), ...names(derived(name))]) {
          assert.ok(text.includes(`${set} = `), `${set} beside ${other.name}`)
        }
      }
    }
    // Each is a prepared statement on every connection.
    assert.ok(texts.size <= 3)
  })

  it('are all that a RETURNING names, without a function that is not immutable', () => {
    const key = { key: 'k', requestHash: 'h' }
    const versions = ['2026-01-01T00:00:00.000Z']
    const statements = [
      findTask(taskId(1)),
      listTasks({ limit: 1 }),
      listLongTasks({ limit: 1, completed: true }),
      insertTask(taskId(1), { title: 'x' }),
      insertTaskOnce(taskId(1), { title: 'x' }, key),
      toggleTaskOnce(taskId(1), versions, key),
      ...[undefined, versions].flatMap((at) => [
        updateTask(taskId(1), {}, at),
        toggleTask(taskId(1), at),
        deleteTask(taskId(1), at),
      ]),
      restoreTask(taskId(1)),
      purgeTask(taskId(1)),
      purgeTrash(1),
      ...[undefined, versions].map((at) => moveTask(taskId(1), { to: 'top' }, at)),
    ]
    const returned = statements.flatMap(({ sql }) =>
      [...sql.text.matchAll(/\breturning\b([^)]*)\)/g)].map(([, list]) => list?.trim()),
    )
    const TURNS = ['seq as next', 'seq as next, first_position as first']
    const turns = returned.filter((list) => TURNS.includes(list ?? ''))
    assert.equal(turns.length, 12)
    assert.equal(returned.length, 2 * turns.length + 2)
    for (const list of returned) assert.ok([namesOf(COLUMNS), ...TURNS].includes(list ?? ''))
  })
})

/** A column that somebody adds, and of which nobody says that it may be null. */
const NOTE: Column = { name: 'note', type: 'text', setBy: 'client' }

for (const kind of KINDS) {
  describe(`a column that is added to a task on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
      await test.database.asUser('alice', insertTask(taskId(1), { title: 'before' }))
      await test.admin('alter table todo.tasks add column note text')
      await test.admin('grant update (note) on todo.tasks to todo_user')
    })
    after(() => test.close())

    const added = [...COLUMNS, NOTE]
    const write = (text: string, id: string, values: object) =>
      rawStatement(
        `with changed as (${text} returning ${namesOf(added)}) select ${jsonOf(added)} from changed`,
        [id, withFolded(values)],
      )
    const run = async (statement: ReturnType<typeof rawStatement>) => {
      const rows = await test.database.asUser('alice', statement)
      return rows.map(([json]) => JSON.parse(String(json)))
    }
    const find = (id: string) =>
      run(
        rawStatement(`select ${jsonOf(added)} from todo.tasks where user_id = $1 and id = $2`, [
          id,
        ]),
      )

    it('is null in the JSON of the tasks that there were, which are not lost', async () => {
      const [task, ...more] = await find(taskId(1))
      assert.deepEqual([task.title, task.note, more], ['before', null, []])
    })

    it('is written by INSERT, UPDATE and the flip, and cleared by null', async () => {
      const insert = `insert into todo.tasks (${namesOf(added)}, seq) select ${insertedOf(added)}, 1 from (values ('a0')) turn (first)`
      const update = `update todo.tasks set ${updatedOf(added)}, seq = seq + 1 where user_id = $1 and id = $2`
      const flip = `update todo.tasks set completed = $3::jsonb is null, ${changedOf(added)}, seq = seq + 1 where user_id = $1 and id = $2`
      const id = taskId(2)
      const [made] = await run(
        write(insert, id, { ...withDefaults({ title: 'new', completed: true }), note: 'n' }),
      )
      assert.deepEqual([made.title, made.completed, made.note], ['new', true, 'n'])
      const [kept] = await run(write(update, id, { title: 'kept' }))
      assert.deepEqual([kept.title, kept.completed, kept.note], ['kept', true, 'n'])
      assert.ok(kept.updated_at > made.updated_at)
      const [same] = await run(write(update, id, { note: 'n' }))
      assert.deepEqual(same, kept)
      const [cleared] = await run(write(update, id, { note: null }))
      assert.deepEqual({ ...cleared, updated_at: '' }, { ...kept, note: null, updated_at: '' })
      assert.ok(cleared.updated_at > kept.updated_at)
      const [flipped] = await run(write(flip, id, {}))
      assert.deepEqual([flipped.completed, flipped.note], [false, null])
      assert.deepEqual(await find(id), [flipped])
    })

    it('makes no task null where everything is null', async () => {
      const nulls = added.map(({ name, type }) => `null::${type} as ${name}`)
      const [task] = await run(rawStatement(`select ${jsonOf(added)} from (select ${nulls}) task`))
      assert.deepEqual(task, Object.fromEntries(names(added).map((name) => [name, null])))
    })
  })
}
