import { byStartupCheck, FIRST_USER, type Mutant, mutants } from './mutant.ts'

/** Mutants of the schema. */
export const MIGRATIONS_MUTANTS: readonly Mutant[] = [
  ...mutants(
    'the first wall',
    'database/migrate/migrations/0015_parents.sql',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a task of another user is a parent',
        [['where user_id = new.user_id and id = new.parent_id', 'where id = new.parent_id']],
        'the first wall alone',
      ],
      [
        'a task takes the children of another user',
        [
          [
            'where user_id = new.user_id and parent_id = new.id and purged_at',
            'where parent_id = new.id and purged_at',
          ],
          ['where t.user_id = new.user_id and t.id', 'where t.id'],
        ],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0003_policies.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'everybody’s tasks may be seen and changed',
        [[`using (user_id = ${FIRST_USER})`, 'using (true)']],
        'of todo.tasks todo_user',
      ],
      [
        'tasks may be written for others',
        [[`with check (user_id = ${FIRST_USER})`, 'with check (true)']],
        'of todo.tasks todo_user',
      ],
      [
        'without a user everybody’s tasks are seen',
        [
          [
            `using (user_id = ${FIRST_USER})`,
            `using (${FIRST_USER} is null or user_id = ${FIRST_USER})`,
          ],
        ],
        'of todo.tasks todo_user',
      ],
      [
        'a second policy shows everybody’s tasks',
        [
          [
            'alter policy own_tasks',
            'create policy all_tasks on todo.tasks for select using (true);\nalter policy own_tasks',
          ],
        ],
        'of todo.tasks todo_user',
      ],
      [
        'everybody’s users may be seen and changed',
        [[`using (id = ${FIRST_USER})`, 'using (true)']],
        'of todo.users',
      ],
      [
        'users may be made for others',
        [[`with check (id = ${FIRST_USER})`, 'with check (true)']],
        'of todo.users todo_user',
      ],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0004_idempotency_keys.sql',
    [
      'database/row-level-security.test.ts',
      'row level security on postgres of todo.idempotency_keys',
    ],
    [
      [
        'everybody’s keys may be seen',
        [[`using (user_id = ${FIRST_USER})`, 'using (true)']],
        'todo_user',
      ],
      [
        'keys may be kept for others',
        [[`with check (user_id = ${FIRST_USER})`, 'with check (true)']],
        'todo_user',
      ],
      [
        'they are not enabled on keys',
        [['alter table todo.idempotency_keys enable row level security;', '']],
        'todo_user',
      ],
      [
        'who forgets expired keys sees the others',
        [[`using (created_at < now() - interval '24 hours')`, 'using (true)']],
        'owner',
      ],
      ['who forgets expired keys may write them', [['with check (false)', '']], 'owner'],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0001_tasks.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'they are not enabled on tasks',
        [['alter table todo.tasks enable row level security;', '']],
        'of todo.tasks todo_user',
      ],
      [
        'they are not enabled on users',
        [['alter table todo.users enable row level security;', '']],
        'of todo.users todo_user',
      ],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0011_changes.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'they are not forced on keys',
        [['alter table todo.idempotency_keys force row level security;', 'select 1;']],
        'of todo.idempotency_keys owner',
      ],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0014_lists.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'they are not forced on tasks',
        [['alter table todo.tasks force row level security;', 'select 1;']],
        'of todo.tasks owner',
      ],
    ],
  ),
  ...mutants(
    'the policies',
    'database/migrate/migrations/0013_order.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'they are not forced on users',
        [['alter table todo.users force row level security;', 'select 1;']],
        'of todo.users owner',
      ],
    ],
  ),
  ...mutants(
    'disabled accounts',
    'database/migrate/migrations/0010_disabled_accounts.sql',
    ['commands/user.test.ts', 'npm run user'],
    [
      ['they get sessions', [['if disabled is not null then', 'if false then']], 'disable'],
      [
        'their sessions remain',
        [[`delete from todo_auth.session where "userId" = new.id;`, '']],
        'disable: a sign-in at the same moment',
      ],
    ],
  ),
  ...mutants(
    'the grants',
    'database/migrate/migrations/0001_tasks.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'the role may truncate tasks',
        [
          [
            'grant select, insert, delete on todo.tasks',
            'grant select, insert, delete, truncate on todo.tasks',
          ],
        ],
        'of todo.tasks todo_user',
      ],
      [
        'the role may change the owner of a task',
        [['grant update (title,', 'grant update (user_id, title,']],
        'of todo.tasks todo_user',
      ],
      [
        'the role may read users',
        [['grant insert (id) on todo.users', 'grant insert (id), select on todo.users']],
        'of todo.users todo_user',
      ],
    ],
  ),
  ...mutants(
    'the grants',
    'database/migrate/migrations/0002_accounts.sql',
    ['database/row-level-security.test.ts', 'row level security on postgres'],
    [
      [
        'the role of tasks may read sessions',
        [
          [
            'grant usage on schema todo_auth to todo_accounts;',
            `grant usage on schema todo_auth to todo_accounts, todo_user;
grant select on todo_auth.session to todo_user;`,
          ],
        ],
        'of todo_auth.session',
      ],
      [
        'the role of accounts may read tasks',
        [
          [
            'grant usage on schema todo_auth to todo_accounts;',
            `grant usage on schema todo, todo_auth to todo_accounts;
grant select on todo.tasks to todo_accounts;`,
          ],
        ],
        'of todo.tasks todo_accounts',
      ],
      [
        'a function is open to everybody',
        [['revoke execute on function todo_auth.forget_user from public;', '']],
        'of todo_auth.forget_user',
      ],
    ],
  ),
  ...mutants(
    'accounts beside tasks',
    'database/migrate/migrations/0006_codes_and_sessions.sql',
    ['database/row-level-security.test.ts', 'row level security on pglite'],
    [
      [
        'what ends codes is open to everybody',
        [['revoke execute on function todo_auth.forget_reset_codes from public;', 'select 1;']],
        'of todo_auth.forget_reset_codes',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'database/migrate/migrations/0009_revocations.sql',
    ['api/revocations.test.ts', 'revoked tokens on postgres'],
    [
      [
        'a changed password revokes nothing',
        [['after insert or update of password', 'after insert']],
        '401 on both servers after a password change,',
      ],
      [
        'a token of the second of the change passes',
        [[`clock_timestamp()) + interval '2 s'`, 'clock_timestamp())']],
        '401 for every token before the bound',
      ],
    ],
  ),
  // Roles are a server's, and this one has them already; an embedded database makes its own.
  ...mutants(
    'the role',
    'database/migrate/migrations/0001_tasks.sql',
    ['database/row-level-security.test.ts', 'row level security on pglite'],
    [
      [
        'it goes around the policies',
        [['noreplication nobypassrls', 'noreplication bypassrls']],
        'of todo.tasks todo_user',
      ],
      [
        'it is a superuser',
        [['todo_user nologin nosuperuser', 'todo_user nologin superuser']],
        'of todo.tasks todo_user',
      ],
    ],
  ),
  ...mutants(
    'the role',
    'database/migrate/migrations/0003_policies.sql',
    ['database/walls.test.ts', 'the proof of the walls on postgres'],
    [
      [
        'it owns the tasks',
        [
          [
            'alter policy own_tasks',
            'alter table todo.tasks owner to todo_user;\nalter policy own_tasks',
          ],
        ],
        'passes',
      ],
    ],
  ).map(byStartupCheck),
  ...mutants(
    'parents',
    'database/migrate/migrations/0015_parents.sql',
    ['api/parents.test.ts', 'parents of tasks on postgres'],
    [
      [
        'a child is a parent',
        [['and deleted_at is null and parent_id is null', 'and deleted_at is null']],
        '422 for what cannot be a parent',
      ],
      [
        'a task in the trash is a parent',
        [
          [
            'and id = new.parent_id and deleted_at is null and parent_id is null',
            'and id = new.parent_id and parent_id is null',
          ],
        ],
        '422 for what cannot be a parent',
      ],
      [
        'a task with children gets a parent',
        [
          [
            'where user_id = new.user_id and parent_id = new.id and deleted_at is null',
            'where false',
          ],
        ],
        'one level only',
      ],
      [
        'a task has any number of children',
        [[') >= 500', ') >= 500000']],
        '422 beyond 500 children',
      ],
      [
        'a task brings back children that were deleted before',
        [['and deleted_at is not distinct from old.deleted_at', '']],
        'a parent takes its children',
      ],
    ],
  ),
  ...mutants(
    'parents',
    'database/migrate/migrations/0017_triggers.sql',
    ['api/parents.test.ts', 'parents of tasks on postgres'],
    [
      [
        'a child is restored while its parent is deleted',
        [
          [
            'new.parent_id is distinct from old.parent_id or old.deleted_at is not null',
            'new.parent_id is distinct from old.parent_id',
          ],
        ],
        'a parent takes its children',
      ],
      [
        'a task leaves its children',
        [['when (new.parent_id is null and new.deleted_at', 'when (false and new.deleted_at']],
        'a parent takes its children',
      ],
    ],
  ),
  ...mutants(
    'recurrence',
    'database/migrate/migrations/0016_recurrence.sql',
    ['api/recurrence.test.ts', 'recurring tasks on postgres'],
    [
      [
        'a next occurrence that was changed is deleted',
        [['t.updated_at <> t.created_at or ', '']],
        'open again: the next one goes',
      ],
      [
        'a deleted next occurrence counts',
        [['and id = new.next_id and deleted_at is null', 'and id = new.next_id']],
        'a deleted next occurrence does not count',
      ],
    ],
  ),
  ...mutants(
    'recurrence',
    'database/migrate/migrations/0017_triggers.sql',
    ['api/recurrence.test.ts', 'recurring tasks on postgres'],
    [
      [
        'completed again beside a next one that was changed makes another',
        [
          ['new.recurrence is not null and new.next_id is null)', 'new.recurrence is not null)'],
          ['when (old.next_id is null and new.next_id', 'when (new.next_id'],
        ],
        'open again: the next one goes',
      ],
      [
        'a next occurrence stays when the task is open again',
        [['old.completed and not new.completed and new.next_id is not null', 'false']],
        'open again: the next one goes',
      ],
      [
        'children are not copied',
        [['t.parent_id = new.id and t.deleted_at', 'false and t.deleted_at']],
        'children come anew',
      ],
      [
        'each occurrence of a child is copied',
        [["and (t.next_id is null or t.next_id = '00000000-0000-0000-0000-000000000000')", '']],
        'of a child that recurs',
      ],
      [
        'the first date is forgotten',
        [["'series_date', next_date,", "'series_date', next_date, 'series_start', next_date,"]],
        'the 31st is the last day',
      ],
    ],
  ),
]
