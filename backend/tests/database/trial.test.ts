import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inTrial, withDirectClient } from '../../src/database/direct.ts'
import { proveVerbs } from '../../src/database/walls/trial.ts'
import { KINDS, type Kind, openTestDatabase, type TestDatabase } from '../support/databases.ts'

const NULLIF = `nullif(current_setting('app.user_id', true), '')`

async function withTest(kind: Kind, work: (test: TestDatabase) => Promise<void>): Promise<void> {
  const test = await openTestDatabase(kind)
  try {
    await work(test)
  } finally {
    await test.close()
  }
}

for (const kind of KINDS) {
  describe(`every verb as another user on ${kind}`, () => {
    const withProof = (work: (prove: (setUp: string) => Promise<void>) => Promise<void>) =>
      withTest(kind, (test) =>
        work((setUp) =>
          withDirectClient(test.connector.direct, (client) =>
            inTrial(client, async () => {
              if (setUp !== '') await client.query(setUp)
              await proveVerbs(client)
            }),
          ),
        ),
      )
    const BREACHES: [what: string, setUp: string, says: RegExp][] = [
      ...['select', 'update', 'delete'].map((verb): [string, string, RegExp] => [
        `${verb} of tasks`,
        `create policy more on todo.tasks for ${verb} using (true); grant ${verb} on todo.tasks to todo_user`,
        // A user who sees the rows of others sees none here: the trial has one user's.
        new RegExp(`Another user reaches rows of todo\\.tasks by ${verb}`, 'i'),
      ]),
      [
        'insert of tasks',
        'create policy more on todo.tasks for insert with check (true)',
        /Another user writes rows of others to todo\.tasks/,
      ],
      [
        'insert of users',
        'create policy more on todo.users for insert with check (true)',
        /Another user writes rows of others to todo\.users/,
      ],
      [
        'delete of keys',
        'create policy more on todo.idempotency_keys for delete using (true); grant delete on todo.idempotency_keys to todo_user',
        /Another user reaches rows of todo\.idempotency_keys by DELETE/,
      ],
      [
        'no row level security',
        'alter table todo.idempotency_keys disable row level security',
        /reaches rows of todo\.idempotency_keys by SELECT/,
      ],
      [
        'only without a user',
        `create policy more on todo.tasks for delete using (${NULLIF} is null); grant delete on todo.tasks to todo_user`,
        /A statement without a user reaches rows of todo\.tasks by DELETE/,
      ],
      [
        'the own rows cannot be written',
        'create policy less on todo.tasks as restrictive for insert with check (false)',
        /A user cannot write a row of their own to todo\.tasks/,
      ],
      [
        'the own rows are not seen',
        'create policy less on todo.tasks as restrictive for select using (false)',
        /does not see exactly their own rows of todo\.tasks/,
      ],
    ]
    const SCRATCH = `create table todo.scratch (n int generated always as identity, user_id text not null, task_id uuid not null,
        kind text not null, seen jsonb not null, at timestamptz not null,
        primary key (user_id, n), foreign key (user_id, task_id) references todo.tasks (user_id, id) on delete cascade);
      alter table todo.scratch enable row level security; alter table todo.scratch force row level security;
      create policy own_scratch on todo.scratch using (user_id = ${NULLIF}) with check (user_id = ${NULLIF});
      grant select, insert, update (kind), delete on todo.scratch to todo_user`

    it('passes, and includes a table that is new', () =>
      withProof(async (prove) => {
        await prove('')
        await prove(SCRATCH)
        for (const verb of ['select', 'update', 'delete']) {
          await assert.rejects(
            prove(`${SCRATCH}; create policy more on todo.scratch for ${verb} using (true)`),
            { name: 'WallError', message: new RegExp(`rows of todo\\.scratch by ${verb}`, 'i') },
          )
        }
      }))

    it('names the table and the verb that passes', () =>
      withProof(async (prove) => {
        for (const [what, setUp, message] of BREACHES) {
          await assert.rejects(prove(setUp), { name: 'WallError', message }, what)
        }
        await prove('')
      }))
  })
}
