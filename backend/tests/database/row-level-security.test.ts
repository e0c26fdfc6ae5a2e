import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { missingCases } from '../support/case-coverage.ts'
import { type CaseDatabase, type Outcomes, openCaseDatabase } from '../support/case-database.ts'
import type { Case, Scope } from '../support/cases.ts'
import { KINDS } from '../support/databases.ts'
import { FUNCTIONS, SCHEMAS, TABLES } from './row-level-security.cases.ts'

const SUBJECTS = [
  ...Object.entries(TABLES).map(([name, { cases }]) => ({ name, cases })),
  ...Object.entries(FUNCTIONS).map(([name, cases]) => ({ name, cases })),
  ...Object.entries(SCHEMAS).map(([name, cases]) => ({ name: `schema ${name}`, cases })),
]
const CASES = SUBJECTS.flatMap(({ cases }) => cases)
const OWNERS_CASES = CASES.filter(([role]) => role === 'owner')

/** What somebody may add one day, and what is said then. */
const ADDED: [what: string, ddl: string, said: string[]][] = [
  ['a table', 'create table todo.added (user_id text)', ['todo.added has no cases']],
  [
    'a partition',
    'create table todo.parts (user_id text) partition by list (user_id); create table todo.part partition of todo.parts default',
    ['todo.part has no cases', 'todo.parts has no cases'],
  ],
  ['a view', 'create view todo.seen as select 1 as x', ['todo.seen has no cases']],
  [
    'a materialized view elsewhere',
    'create materialized view public.kept as select 1 as x',
    ['public.kept has no cases'],
  ],
  [
    'a function',
    'create function public.peek() returns int language sql as $$ select 1 $$',
    ['todo_user', 'todo_accounts', 'public'].map((role) => `public.peek() has no case of ${role}`),
  ],
  [
    'a grant of one column',
    'grant update (user_id) on todo.tasks to todo_accounts',
    ['todo_accounts is granted update on todo.tasks, and no case shows it'],
  ],
  [
    'a grant to everybody',
    'grant truncate on todo.users to public',
    ['todo_user', 'todo_accounts', 'public'].map(
      (role) => `${role} is granted truncate on todo.users, and no case shows it`,
    ),
  ],
  [
    'a grant that is taken back',
    'revoke select on todo.tasks from todo_user',
    ['todo_user is not granted select on todo.tasks, and no case shows it'],
  ],
  [
    'a right beside the commands',
    'grant trigger on todo.tasks to todo_user',
    ['todo_user is granted trigger on todo.tasks, which no case can show'],
  ],
  [
    'a wall that is no more forced',
    'alter table todo.users no force row level security',
    ['todo.users has owners, and row level security is not enabled and forced'],
  ],
]

for (const kind of KINDS) {
  describe(`row level security on ${kind}`, () => {
    let test: CaseDatabase
    let outcomes: Map<Case, Outcomes>
    before(async () => {
      test = await openCaseDatabase(kind)
      outcomes = await test.run(CASES)
    })
    after(() => test.close())

    for (const { name, cases } of SUBJECTS) {
      describe(`of ${name}`, () => {
        for (const one of cases) {
          it(`${one[0]}: ${one[1]}`, () => assert.deepEqual(outcomes.get(one), expected(one)))
        }
      })
    }

    it('has its cases for every table, view, function and grant there is', async () => {
      assert.deepEqual(await missingCases(test.admin), [])
    })

    for (const [what, ddl, said] of ADDED) {
      it(`names what lacks a case: ${what}`, async () => {
        await test.admin(`begin; ${ddl}`)
        const missing = await missingCases(test.admin).finally(() => test.admin('rollback'))
        assert.deepEqual(missing, said)
      })
    }

    // Roles are the server's, and other tests use it; the embedded database has but one login.
    if (kind === 'pglite') {
      it('names a role that may go around it', async () => {
        await test.admin('begin; alter role todo_user bypassrls')
        const missing = await missingCases(test.admin).finally(() => test.admin('rollback'))
        assert.deepEqual(missing, ['todo_user may do more than it was granted'])
      })
    } else {
      it('holds for the owner over a connection of its own', async () => {
        const seen = await test.runAsOwner(OWNERS_CASES)
        for (const one of OWNERS_CASES) assert.deepEqual(seen.get(one), expected(one), one[1])
        assert.ok(seen.size > 10)
      })
    }
  })
}

/** A case written out: `all` is every scope, and `others` those that are not named. */
function expected([, , said]: Case): Outcomes {
  const outcome = (scope: Scope) => {
    const named = said[scope] ?? said.others ?? said.all
    assert.ok(named !== undefined, `nothing is said of ${scope}`)
    return named
  }
  return {
    alice: outcome('alice'),
    bob: outcome('bob'),
    carol: outcome('carol'),
    empty: outcome('empty'),
    unset: outcome('unset'),
  }
}
