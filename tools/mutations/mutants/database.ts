import { type Mutant, mutants } from './mutant.ts'

/** Mutants of the scope, the response check and the startup check. */
export const DATABASE_MUTANTS: readonly Mutant[] = [
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
        [[`\${pinPath(local)}, \${timeLimits`, `\${timeLimits`]],
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
      ['no row is tried', [['await proveSight(client, subjects, newer)', '']]],
    ],
  ),
  ...mutants(
    'the proof at start',
    'database/walls/walls.ts',
    ['database/catalogue.test.ts', 'on postgres stops the start, and names the statement'],
    [
      [
        'the catalogue is not compared',
        [['await proveCatalogue(client, newer)\n      await proveVerbs', 'await proveVerbs']],
      ],
    ],
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
]
