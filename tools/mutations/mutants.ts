/** A change of the code that removes an isolation check, and the tests that must notice it. */
export interface Mutant {
  readonly wall: string
  /** The broken promise. */
  readonly change: string
  readonly file: string
  /** Each text `from` occurs exactly once in the file, and is replaced by `to`. */
  readonly edits: readonly (readonly [from: string, to: string])[]
  /** Each must notice: a test file, and the pattern of its tests (`--test-name-pattern`). */
  readonly noticedBy: readonly (readonly [file: string, tests: string])[]
}

type Edits = Mutant['edits']

/** Several mutants of one file of `backend/src`, noticed by one group of tests of `backend/tests`. */
const mutants = (
  wall: string,
  file: string,
  [test, tests]: readonly [file: string, tests: string],
  changes: readonly (readonly [change: string, edits: Edits, tests?: string])[],
): Mutant[] =>
  changes.map(([change, edits, narrower]) => ({
    wall,
    change,
    file: `backend/src/${file}`,
    edits,
    noticedBy: [[`backend/tests/${test}`, [tests, narrower].filter(Boolean).join(' ')]],
  }))

const FIRST_USER = `nullif(current_setting('app.user_id', true), '')`

export const MUTANTS: readonly Mutant[] = [
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/authenticate.test.ts', 'who is asking'],
    [
      [
        'the signature is not verified',
        [
          [
            'if (!(error instanceof JWSSignatureVerificationFailed)) throw error',
            `if (!(error instanceof JWSSignatureVerificationFailed)) throw error
        const body = Buffer.from(token.split('.')[1] ?? '', 'base64url')
        return { payload: JSON.parse(body.toString()), goodForMs: 0 }`,
          ],
        ],
        '401 for another secret',
      ],
      [
        'exp is not looked at',
        [['clockTolerance: config.clockToleranceSeconds', 'clockTolerance: 1e9']],
        '401 for exp 61 s ago',
      ],
      [
        'a token needs no exp',
        [
          [`requiredClaims: ['exp'],`, ''],
          [`if (!Number.isSafeInteger(exp)) throw invalidClaim(payload, 'exp')`, ''],
        ],
        '401 for no exp',
      ],
      [
        'the token picks its algorithm',
        [
          ['if (alg !== SECRET_ALGORITHM) {', `if (!alg?.startsWith('HS')) {`],
          ['algorithms: [SECRET_ALGORITHM],', ''],
        ],
        '401 for HS384',
      ],
      [
        'a remembered token is known without its signature',
        [
          ['remembered.get(token)', `remembered.get(token.split('.')[1] ?? '')`],
          ['remembered.set(token,', `remembered.set(token.split('.')[1] ?? '',`],
        ],
        '401 for what is like a remembered token',
      ],
      [
        'a remembered token is known by its signature alone',
        [
          ['remembered.get(token)', `remembered.get(token.split('.')[2] ?? '')`],
          ['remembered.set(token,', `remembered.set(token.split('.')[2] ?? '',`],
        ],
        '401 for what is like a remembered token',
      ],
      [
        'a remembered token outlives its exp',
        [['known !== undefined && Date.now() < known.expiresMs', 'known !== undefined']],
        '401 from the second on',
      ],
      [
        'sub and another user_id pass',
        [['if (differ || typeof', 'if (typeof']],
        '401 for sub and another user_id',
      ],
      [
        'the user may be the email',
        [
          [
            'const userId = sub === undefined ? alternative : sub',
            'const userId = (sub === undefined ? alternative : sub) ?? arguments[0].email',
          ],
        ],
        '401 for email alone',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/authenticate.test.ts', 'where the issuer and audience are pinned'],
    [
      ['any issuer passes', [['{ issuer: jwtIssuer }', '{}']], '401 for another issuer'],
      ['any audience passes', [['{ audience: jwtAudience }', '{}']], '401 for another audience'],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/elsewhere.test.ts', 'tokens of a key set'],
    [
      [
        'a key of the key set serves any algorithm',
        [['algorithms: KEY_SET_ALGORITHMS,', '']],
        '401 for an algorithm',
      ],
      [
        'a token of a key that was taken back is remembered until its exp',
        [
          [
            'Math.min(readTimes(payload) * 1000, Date.now() + goodForMs)',
            'readTimes(payload) * 1000',
          ],
        ],
        '401 after 10 minutes',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/authenticate.ts',
    ['api/authenticate.test.ts', 'who is asking'],
    [
      [
        'of two Authorization headers one counts',
        [[`countHeader(request, 'authorization') > 1`, 'false']],
        '401 for two Authorization headers',
      ],
    ],
  ),

  ...mutants(
    'the owner',
    'http/identity/authenticate.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'a request without a token passes',
        [
          [
            'const user = verify(readToken(request))',
            `const { user_id } = request.params as { user_id: string }
    if (request.headers.authorization === undefined) return setUser(user_id)
    const user = verify(readToken(request))`,
          ],
        ],
        '401 for GET',
      ],
    ],
  ),
  ...mutants(
    'the owner',
    'http/resource/user-scope.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'any user’s token passes',
        [[`user_id === userId ? undefined : new AppError('user_id_mismatch')`, '']],
        '403 for GET',
      ],
      [
        'upper and lower case are one user',
        [['user_id === userId', 'user_id?.toLowerCase() === userId.toLowerCase()']],
        '403 for GET',
      ],
      [
        'a user whose id begins alike passes',
        [['user_id === userId', 'user_id?.startsWith(userId)']],
        '403 for GET',
      ],
    ],
  ),

  ...mutants(
    'the first wall',
    'models/tasks/sql.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a task is looked for among everybody’s',
        [['todo.tasks where user_id = $1 and id = $2 and', 'todo.tasks where id = $2 and']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/task.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a change forgets its owner',
        [['from turn where user_id = $1 and id', 'from turn where id']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/list.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'listTasks forgets its owner',
        [[`where user_id = $1 and \${from}`, `where \${from}`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/move.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a move reads the order of all users',
        [['todo.tasks where user_id = $1 and id <> $2', 'todo.tasks where id <> $2']],
        'the first wall alone',
      ],
      [
        'a move gives tasks of others a position',
        [['where user_id = $1 and id = task and', 'where id = task and']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the order',
    'models/tasks/move.ts',
    ['api/move.test.ts', 'the manual order on postgres'],
    [
      [
        'a move reads positions before it has the lock',
        [['deleted_at is null for no key update', 'deleted_at is null']],
        'a move sees the move',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/sorted.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a sorted list forgets its owner',
        [['todo.tasks where user_id = $1 and', 'todo.tasks where']],
        'the first wall alone',
      ],
      [
        'a page of a sorted list reads tasks of others with the same ids',
        [["'todo.tasks where user_id = $1'", "'todo.tasks where true'"]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/overview.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the numbers of tasks forget their owner',
        [['todo.tasks where user_id = $1 and', 'todo.tasks where']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/trash.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a purge forgets its owner',
        [['from locked where user_id = $1 and', 'from locked where']],
        'the first wall alone',
      ],
      [
        'a purge overwrites the responses of others',
        [['gone where user_id = $1 and task_id', 'gone where task_id']],
        'the first wall alone',
      ],
    ],
  ),
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
    'the first wall',
    'models/changes/changes.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the feed forgets its owner',
        [['where user_id = $1 and seq > $2', 'where seq > $2']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the feed',
    'models/changes/changes.ts',
    ['api/changes.test.ts', 'the feed of changes on postgres'],
    [['a token of another epoch is accepted', [['$5 <> epoch or ', '']], '410 for a token']],
  ),
  ...mutants(
    'the feed',
    'models/tasks/task.ts',
    ['models/changes-race.test.ts', 'a reader of changes beside writers on postgres'],
    [
      [
        'a change counts by itself',
        [['seq = next from turn', 'seq = seq + 1 from turn']],
        'its picture',
      ],
    ],
  ),
  ...mutants(
    'the feed',
    'models/tasks/sql.ts',
    ['models/changes-race.test.ts', 'a reader of changes beside writers on postgres'],
    [
      [
        'numbers are those of a clock that does not wait for the commit',
        [
          [
            'set seq = seq + 1$',
            'set seq = greatest(seq, (extract(epoch from clock_timestamp()) * 1000)::bigint)$',
          ],
        ],
        'its picture',
      ],
    ],
  ),

  ...mutants(
    'the first wall',
    'models/tasks/once.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a key is looked for among everybody’s',
        [['idempotency_keys where user_id = $1 and key = $4', 'idempotency_keys where key = $4']],
        'the first wall alone',
      ],
      [
        'a key is kept for another',
        [['task_id) select $1, $4, $5, json', `task_id) select 'alice', $4 || '2', $5, json`]],
        'insertTaskOnce',
      ],
      [
        'toggleTaskOnce forgets its owner',
        [[`where user_id = $1 and id = $2 and \${ALIVE}`, `where id = $2 and \${ALIVE}`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/columns.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'insertTask writes another’s task',
        [[`setBy: 'insertion', insert: '$1' }`, `setBy: 'insertion', insert: "'alice'" }`]],
        'insertTask',
      ],
      [
        'insertTaskOnce writes another’s task',
        [[`setBy: 'insertion', insert: '$1' }`, `setBy: 'insertion', insert: "'alice'" }`]],
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
        'they are not forced on keys',
        [['alter table todo.idempotency_keys force row level security;', '']],
        'owner',
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
        'they are not forced on tasks',
        [['alter table todo.tasks force row level security;', '']],
        'of todo.tasks owner',
      ],
      [
        'they are not enabled on users',
        [['alter table todo.users enable row level security;', '']],
        'of todo.users todo_user',
      ],
      [
        'they are not forced on users',
        [['alter table todo.users force row level security;', '']],
        'of todo.users owner',
      ],
    ],
  ),

  ...mutants(
    'channel binding',
    'database/database-client.ts',
    ['database/postgres-tls.test.ts', 'TLS to PostgreSQL'],
    [
      [
        'a server may ask for no password',
        [['if (!isBound) refuse()', 'if (!isBound) return']],
        'ends at once with one line: channel_binding=require and a server that asks for no password',
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
    'http/identity/verify-token.ts',
    ['api/revocations.test.ts', 'revoked tokens on pglite'],
    [
      [
        'a revoked token passes',
        [['if (revocations.refuses(userId, issuedAt)) throw revokedToken()', '']],
        '401 on both servers after the end of all sessions',
      ],
      [
        'a token without iat passes',
        [['payload.iat : Number.NaN', 'payload.iat : Number.POSITIVE_INFINITY']],
        '401 for a token without iat',
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
  ),

  ...mutants(
    'the scope',
    'database/scope.ts',
    ['database/session.test.ts', `a user's scope on postgres`],
    [
      [
        'the role is not taken',
        [[`\${set('role', TASK_ROLE, 'true')}, `, `'\${TASK_ROLE}', `]],
        'a statement that forgets',
      ],
      [
        'the role stays with the session',
        [[`set('role', TASK_ROLE, 'true')`, `set('role', TASK_ROLE, 'false')`]],
        'the scope ends',
      ],
      [
        'the user is not set',
        [[`set_config('app.user_id', $1, true)`, `set_config('app.user_id', left($1, 0), true)`]],
        'a statement that forgets',
      ],
      [
        'the user is always the same',
        [
          [
            `set_config('app.user_id', $1, true)`,
            `set_config('app.user_id', left($1, 0) || 'alice', true)`,
          ],
        ],
        'a statement that forgets',
      ],
      [
        'the user stays with the session',
        [[`set_config('app.user_id', $1, true)`, `set_config('app.user_id', $1, false)`]],
        'the scope ends',
      ],
      [
        'behind a pooler neither is set',
        [[`select \${USER}, \${pinPath`, `select 'todo_user', $1, $2, \${pinPath`]],
        'behind a pooler',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/scope.ts',
    ['database/scope-search-path.test.ts', 'functions of others on postgres are given nothing'],
    [
      [
        'names are looked for where others may create them',
        [[`as own, \${pinPath(OF_ANOTHER)},`, 'as own,']],
        'in a session of its own',
      ],
      [
        'and so behind a pooler',
        [[`\${USER}, \${pinPath('true')},`, `\${USER},`]],
        'behind a pooler',
      ],
      [
        'what sets the scope is looked for there too',
        [[`pg_catalog.set_config('\${name}'`, `set_config('\${name}'`]],
        'behind a pooler',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/accounts/account-query.ts',
    ['database/scope-search-path.test.ts', 'functions of others on postgres are given nothing'],
    [
      [
        'names of accounts are looked for where others may create them',
        [[`$1, \${pinPath('true')},`, '$1,']],
        'for accounts',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/pipeline/scoped-query.ts',
    ['database/session.test.ts', `a user's scope on postgres`],
    [
      [
        'it is not sent',
        [['= this.#messagesOf(scope, [userId, this.#number])', '= []']],
        'a statement that forgets',
      ],
      [
        'a statement is given another user than its scope',
        [['[userId, ...values]', `['alice', ...values]`]],
        'binds .1 of a statement',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/pipeline/scoped-query.ts',
    ['database/pool.test.ts', 'behind a pooler, which'],
    [
      [
        'it is another where nothing is prepared',
        [
          [
            `[parse('', sql),`,
            `[parse('', sql === this.#run.scope ? { ...sql, text: "select 'todo_user', $1, $2" } : sql),`,
          ],
        ],
      ],
    ],
  ),
  ...mutants(
    'the answer',
    'database/pipeline/answer-check.ts',
    ['database/third-wall.test.ts', 'a pooler that answers with what is another’s 503 where it'],
    [
      [
        'the row of the scope is not looked at',
        [['fields[at] === text', 'at >= 0']],
        'gives the answer of another session',
      ],
      [
        'the number of the request is not looked at',
        [['fields[at] === text', '(at === this.#expected.length - 1 || fields[at] === text)']],
        'gives the answer of another session',
      ],
      [
        'the user of the scope is not looked at',
        [['this.#expected.every', 'this.#expected.slice(-1).every']],
        'sets the scope of another user',
      ],
      [
        'an answer may end before it is whole',
        [[`if (this.#part !== 'end') throw`, 'if (false) throw']],
        'says twice that it is ready',
      ],
      [
        'one may run into the next',
        [["if (this.#part === 'end') throw", 'if (false) throw']],
        'ends the statement twice',
      ],
      [
        'rows are not counted',
        [['if (!counts && (', 'if (false && (']],
        'adds a row to the statement',
      ],
    ],
  ),
  ...mutants(
    'the answer',
    'database/errors.ts',
    ['database/third-wall.test.ts', 'a pooler that answers with what is another’s 503 where it'],
    [
      [
        'an error of another’s is an answer',
        [
          [
            'export class ScopeError extends Error {',
            'export class ScopeError extends Error {\n  get severity() { return 1 }\n  get code() { return (this.cause as { code: string }).code }',
          ],
        ],
        'says that another account is deleted',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/pipeline/connection.ts',
    ['database/session.test.ts', `a user's scope on postgres`],
    [
      [
        'a connection keeps the user it had first',
        [['{ scope, userId, statements,', '{ scope, userId: (this.first ??= userId), statements,']],
        'a statement that forgets',
      ],
    ],
  ),
  ...mutants(
    'the scope',
    'database/accounts/account-query.ts',
    ['database/accounts.test.ts', `the accounts' tables on postgres`],
    [
      [
        'the role of accounts is not taken',
        [[`pg_catalog.set_config('role', '\${ACCOUNTS_ROLE}', true),`, `'\${ACCOUNTS_ROLE}',`]],
        'each role reaches',
      ],
      [
        'the role of accounts stays with the session',
        [[`'\${ACCOUNTS_ROLE}', true)`, `'\${ACCOUNTS_ROLE}', false)`]],
        'the role ends',
      ],
    ],
  ),

  ...mutants(
    'cursors and ETags',
    'api/tasks/routes.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'a task is remembered by its id, whoever asks',
        [
          [
            'const task = found(await request.asUser(findTask(request.params.id)))',
            `const seen = (globalThis.seen ??= new Map())
    const task = seen.get(request.params.id) ?? found(await request.asUser(findTask(request.params.id)))
    seen.set(request.params.id, task)`,
          ],
        ],
        'the ETag of another',
      ],
      [
        'an ETag is answered before its task is looked for',
        [
          [
            'const task = found(await request.asUser(findTask',
            `if (request.headers['if-none-match'] !== undefined) return reply.code(304).send()
    const task = found(await request.asUser(findTask`,
          ],
        ],
        'the ETag of another',
      ],
    ],
  ),
  ...mutants(
    'cursors and ETags',
    'http/resource/conditions.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [['any ETag matches', [['tag === version', 'tag !== undefined']], 'the ETag of another']],
  ),
  ...mutants(
    'cursors and ETags',
    'http/resource/pages.ts',
    ['api/list.test.ts', 'the list on postgres'],
    [
      [
        'a cursor carries the user it was made for',
        [
          [
            'const { request } = reply',
            `const { request } = reply
  const owners = (globalThis.owners ??= new Map())
  request.userId = owners.get(cursor) ?? request.userId`,
          ],
          [
            'reply.headers(nextPage(request, resource, page.next))',
            `{
    const next = nextPage(request, resource, page.next)
    owners.set(next['next-cursor'], request.userId)
    reply.headers(next)
  }`,
          ],
        ],
        'a cursor of another user',
      ],
    ],
  ),

  ...mutants(
    'the proof at start',
    'database/connect.ts',
    ['database/walls.test.ts', 'the proof of the walls at start'],
    [['it is left out', [['await proveWalls(connector, newer)', '']]]],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/walls.ts',
    ['database/walls.test.ts', 'the proof of the walls on postgres refuses'],
    [
      ['strangers may own and create', [['await proveOwnership(client)', '']]],
      ['schemas are not kept apart', [['await proveApart(client)', '']]],
      ['policies are not looked for', [['await proveTables(client)', '']]],
      ['truncate is not looked for', [['await proveNoTruncate(client)', '']]],
      ['no row is tried', [['await proveSight(client, subjects)', '']]],
    ],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/walls.ts',
    ['database/catalogue.test.ts', 'on postgres stops the start, and names the statement'],
    [['the catalogue is not compared', [['await proveCatalogue(client, newer)', '']]]],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/catalogue-newer.ts',
    ['database/rollback.test.ts', 'on postgres does not start'],
    [
      [
        'every privilege of a newer version is accepted',
        [["definition === '' && isHarmlessGrant(found, catalogues)", 'true']],
      ],
      [
        'every function of a newer version is accepted',
        [['return !/\\bsecurity definer\\b/i.test(definition)', 'return true']],
      ],
      [
        'every part of a known table is accepted',
        [["return kind === 'constraint'", 'return true']],
      ],
    ],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/trial.ts',
    ['database/trial.test.ts', 'every verb as another user on postgres'],
    [
      ['nobody tries UPDATE', [['subject.change, ', '']]],
      ['nobody tries DELETE', [[`, 'delete from ' || subject.name]`, ']']]],
      ['nobody is without a user', [[`array[me || '-other', '']`, `array[me || '-other']`]]],
      [
        'rows of others may be written',
        [['execute format(subject.insertion, me);\n        raise', 'perform 1; return; raise']],
      ],
    ],
  ),
  ...mutants(
    'the proof at start',
    'database/direct.ts',
    ['database/search-path.test.ts', 'a database where everybody may create in public'],
    [
      [
        'names are looked for in public',
        [
          [
            `\${pinPath(OF_ANOTHER)}`,
            `pg_catalog.set_config('search_path', 'public, pg_catalog', \${OF_ANOTHER})`,
          ],
          [`search_path = \${SEARCH_PATH}`, 'search_path = public, pg_catalog'],
        ],
      ],
    ],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/walls.ts',
    ['database/walls.test.ts', 'the proof of the walls on the role'],
    [
      [
        'roles are not looked at',
        [['for (const role of [TASK_ROLE, ACCOUNTS_ROLE]) await proveRole(client, role)', '']],
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'models/tasks/task.ts',
    ['api/batch.test.ts', 'a batch on postgres'],
    [
      [
        'an operation that finds nothing leaves the others done',
        [[`union all select todo.refuse(\${outcome}), null`, `union all select \${outcome}, null`]],
        'a failure is that of the operation alone',
      ],
      [
        'a create with the id of a deleted task leaves the others done',
        [
          [
            `\${INSERT_TASK} returning \${TASK_COLUMNS}\n   )\`\nconst NEW_AS`,
            `\${INSERT_TASK} on conflict do nothing returning \${TASK_COLUMNS}\n   )\`\nconst NEW_AS`,
          ],
        ],
        'a failure is that of the operation alone',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'models/tasks/batch.ts',
    ['api/batch.test.ts', 'a batch on postgres'],
    [
      ['a dry run is not undone', [[', [ROLLBACK])', ', [])']], 'a dry run'],
      [
        'a used key does not stop the batch',
        [["select todo.refuse('claimed') from claim", "select 'claimed' from claim"]],
        'with an Idempotency-Key it is done once',
      ],
      [
        'a stored response may have any length',
        [["select todo.refuse('large') from (", "select 'large' from ("]],
        '413 for a response that is too long to store',
      ],
      [
        'the user is not locked first',
        [['sql: LOCK,', 'sql: sql(`select 1`),']],
        'one (batch|new task) for',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'database/pipeline/batch.ts',
    ['database/session.test.ts', 'on postgres'],
    [
      [
        'a statement may follow the end of the scope',
        [['statements.slice(0, -1).some(({ sql }) => sql === ROLLBACK.sql)', 'false']],
        'no statement follows the end',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/batch.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the stored response of another user is found',
        [
          [
            'from todo.idempotency_keys where user_id = $1\n     and',
            'from todo.idempotency_keys where',
          ],
          ['where user_id = $1 and key = $2 and', 'where key = $2 and'],
        ],
        'the first wall alone, past every policy: a batch',
      ],
      [
        'the key of another user counts as used',
        [['where user_id = $1 and key = $2)', 'where key = $2)']],
        'the first wall alone, past every policy: a batch',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/sql.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the outcome of an operation is noted for another user',
        [['select $1, $${values + 2}, outcome', "select 'alice', $1 || $${values + 2}, outcome"]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the streams',
    'api/changes/streams.ts',
    ['api/changes-stream.test.ts', 'streams of changes on postgres'],
    [
      [
        'a stream reads as any user',
        [
          [
            'await this.#options.database.asUser(reader.userId, statement)',
            'await this.#options.database.asUser([...this.#readers.keys()].at(-1) ?? "", statement)',
          ],
        ],
        'another user’s change never arrives',
      ],
      [
        'a stream does not end with its token',
        [['Date.now() >= expiresMs || ', '']],
        'ends when its token expires',
      ],
      [
        'a stream does not end with the account',
        [[' || revocations.refuses(reader.userId, issuedAt)', '']],
        'ends when the account is deleted',
      ],
      [
        'a user has any number of streams',
        [['>= limits.streamsOfOneUser', '> limits.streamsOfOneUser']],
        '429 with Retry-After at the 21st',
      ],
    ],
  ),
  ...mutants(
    'the streams',
    'http/identity/token-times.ts',
    ['api/changes-stream.test.ts', 'streams of changes on postgres'],
    [
      [
        'a token that has expired opens a stream',
        [['if (expiresMs <= Date.now()) {', 'if (expiresMs < 0) {']],
        '401, 403, 410 and 422',
      ],
    ],
  ),
]
