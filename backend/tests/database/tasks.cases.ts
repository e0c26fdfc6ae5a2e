import { EMPTIES_IT, nothing, REFUSED, type Tables } from '../support/cases.ts'

const id = (end: string) => `'00000000-0000-7000-8000-0000000000${end}'`
const task = (user: string, end: string) =>
  `(user_id, id, title, completed, created_at, updated_at, seq) values ('${user}', ${id(end)}, 'x', false, now(), now(), 0)`
const ALICES = task('alice', 'a1')

// Of a user beside the scopes there is one that was deleted long ago.
export const TABLES: Tables = {
  'todo.tasks': {
    owner: 'user_id',
    holds: `insert into todo.tasks ${ALICES}; insert into todo.tasks ${task('alice', 'a2')};
      insert into todo.tasks ${task('bob', 'b1')};
      insert into todo.tasks ${task('erin', 'e1')};
      update todo.tasks set seq = 1, deleted_at = now() - interval '60 days' where user_id = 'erin'`,
    cases: [
      ['todo_user', 'select * from todo.tasks', { alice: 2, bob: 1, others: 0 }],
      ['todo_user', `select * from todo.tasks where id = ${id('a1')}`, { alice: 1, others: 0 }],
      ['todo_user', `select * from todo.tasks where user_id = 'alice'`, { alice: 2, others: 0 }],
      ['todo_user', `select * from todo.tasks where user_id <> 'alice'`, { bob: 1, others: 0 }],
      ['todo_user', 'select * from todo.tasks for update', { alice: 2, bob: 1, others: 0 }],
      ['todo_user', `insert into todo.tasks ${task('alice', 'ff')}`, { alice: 1, others: REFUSED }],
      ['todo_user', `insert into todo.tasks ${task('bob', 'ff')}`, { bob: 1, others: REFUSED }],
      ['todo_user', `insert into todo.tasks ${task('', 'ff')}`, { all: REFUSED }],
      [
        'todo_user',
        `insert into todo.tasks ${task('alice', 'ff')} returning *`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.tasks ${ALICES} on conflict do nothing`,
        { alice: 0, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.tasks ${ALICES} on conflict (user_id, id) do update set title = 'taken', seq = tasks.seq + 1`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `update todo.tasks set title = 'taken', seq = tasks.seq + 1`,
        { alice: 2, bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `update todo.tasks set title = 'taken', seq = tasks.seq + 1 where id = ${id('a1')}`,
        { alice: 1, others: 0 },
      ],
      [
        'todo_user',
        `update todo.tasks set title = 'taken', seq = tasks.seq + 1 returning *`,
        { alice: 2, bob: 1, others: 0 },
      ],
      ['todo_user', `update todo.tasks set user_id = 'bob', seq = tasks.seq + 1`, { all: REFUSED }],
      [
        'todo_user',
        `update todo.tasks set title = 'taken'`,
        { alice: 'TD501', bob: 'TD501', others: 0 },
      ],
      [
        'todo_user',
        'update todo.tasks set deleted_at = now(), seq = tasks.seq + 1',
        { alice: 2, bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `update todo.tasks set title = '', deleted_at = now(), purged_at = now()`,
        { alice: 2, bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `update todo.tasks set position = 'a1', seq = tasks.seq + 1`,
        { alice: 2, bob: 1, others: 0 },
      ],
      ['todo_user', 'delete from todo.tasks', { all: REFUSED }],
      ['todo_user', `delete from todo.tasks where id = ${id('a1')}`, { all: REFUSED }],
      [
        'todo_user',
        'merge into todo.tasks t using todo.tasks s on true when matched and s.id = t.id then delete',
        { all: REFUSED },
      ],
      ['todo_user', 'truncate todo.tasks', { all: REFUSED }],

      ['owner', 'select * from todo.tasks', { alice: 2, bob: 1, others: 0 }],
      ['owner', `select * from todo.tasks where id = ${id('a1')}`, { alice: 1, others: 0 }],
      ['owner', 'select * from todo.tasks for update', { alice: 2, bob: 1, others: 0 }],
      ['owner', `insert into todo.tasks ${task('alice', 'ff')}`, { alice: 1, others: REFUSED }],
      ['owner', `insert into todo.tasks ${task('bob', 'ff')}`, { bob: 1, others: REFUSED }],
      [
        'owner',
        `insert into todo.tasks ${ALICES} on conflict (user_id, id) do update set title = 'taken', seq = tasks.seq + 1`,
        { alice: 1, others: REFUSED },
      ],
      [
        'owner',
        `update todo.tasks set title = 'taken', seq = tasks.seq + 1`,
        { alice: 2, bob: 1, others: 0 },
      ],
      [
        'owner',
        `update todo.tasks set user_id = 'bob', seq = tasks.seq + 1`,
        { alice: REFUSED, bob: 1, carol: 0, empty: 0, unset: 0 },
      ],
      ['owner', 'delete from todo.tasks', { alice: 2, bob: 1, others: 0 }],
      ['owner', `delete from todo.tasks where id = ${id('a1')}`, { alice: 1, others: 0 }],
      ['owner', 'truncate todo.tasks', { all: EMPTIES_IT }],

      ...nothing('todo_accounts', 'todo.tasks', task('alice', 'ff'), 'title'),
      ...nothing('public', 'todo.tasks', task('alice', 'ff'), 'title'),
    ],
  },
}
