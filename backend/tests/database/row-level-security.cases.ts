/**
 * The cases of users, keys, accounts, functions and schemas, together with those of every other file here
 * that ends with `.cases.ts`: one for each resource.
 */
import { globSync } from 'node:fs'
import {
  type Case,
  EMPTIES_IT,
  nothing,
  REFUSED,
  type Role,
  type Table,
  type Tables,
} from '../support/cases.ts'

/** All but its age, which the role does not reach. */
const KEY = 'user_id, key, request_hash, answer'
const key = (user: string, name: string) => `(${KEY}) values ('${user}', '${name}', '', '')`

/** All rows of a table that holds one, but no truncate. */
const everything = (role: Role, table: string, insert: string, column: string): Case[] => [
  [role, `select * from ${table}`, { all: 1 }],
  [role, `insert into ${table} ${insert}`, { all: 1 }],
  [role, `update ${table} set ${column} = ${column}`, { all: 1 }],
  [role, `delete from ${table}`, { all: 1 }],
  [role, `truncate ${table}`, { all: REFUSED }],
]

/** A table of Better Auth's, which the role of tasks does not reach. */
const accounts = (table: string, column: string, row: (id: string) => string): Table => ({
  holds: `insert into ${table} ${row('dora')}`,
  cases: [
    ...everything('todo_accounts', table, row('emil'), column),
    ...nothing('todo_user', table, row('emil'), column),
    ...nothing('public', table, row('emil'), column),
  ],
})

const REVOCATION = `(user_id, before) values ('dora', now())`

const OWN: Tables = {
  'todo.users': {
    owner: 'id',
    holds: `insert into todo.users (id) values ('alice'), ('bob'), ('erin')`,
    cases: [
      ['todo_user', `insert into todo.users (id) values ('carol')`, { carol: 1, others: REFUSED }],
      [
        'todo_user',
        `insert into todo.users (id) values ('alice')`,
        { alice: '23505', others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.users (id) values ('alice') on conflict do nothing`,
        { alice: 0, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.users (id) values ('alice') on conflict (id) do update set id = 'mallory'`,
        { all: REFUSED },
      ],
      ['todo_user', `insert into todo.users (id) values ('')`, { all: REFUSED }],
      ['todo_user', 'select * from todo.users', { all: REFUSED }],
      ['todo_user', 'select id, deleted_at from todo.users', { alice: 1, bob: 1, others: 0 }],
      ['todo_user', 'select id, seq from todo.users', { alice: 1, bob: 1, others: 0 }],
      ['todo_user', 'select id from todo.users for update', { alice: 1, bob: 1, others: 0 }],
      [
        'todo_user',
        `insert into todo.users (id, seq) values ('carol', 1)`,
        { carol: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.users as u (id, seq) values ('alice', 1) on conflict (id) do update set seq = u.seq + 1`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.users as u (id) values ('alice') on conflict (id) do update set seq = u.seq`,
        { alice: 1, others: REFUSED },
      ],
      ['todo_user', 'update todo.users set seq = seq + 1', { alice: 1, bob: 1, others: 0 }],
      [
        'todo_user',
        `update todo.users set seq = 1 where id <> 'alice' returning id`,
        { bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `update todo.users set first_position = 'a0' returning id, first_position`,
        { alice: 1, bob: 1, others: 0 },
      ],
      ['todo_user', 'update todo.users set deleted_at = now()', { all: REFUSED }],
      ['todo_user', `update todo.users set id = 'mallory'`, { all: REFUSED }],
      ['todo_user', 'delete from todo.users', { all: REFUSED }],
      ['todo_user', 'truncate todo.users cascade', { all: REFUSED }],

      ['owner', 'select * from todo.users', { alice: 1, bob: 1, others: 0 }],
      ['owner', `select * from todo.users where id = 'alice'`, { alice: 1, others: 0 }],
      ['owner', `insert into todo.users (id) values ('carol')`, { carol: 1, others: REFUSED }],
      ['owner', 'update todo.users set created_at = now()', { alice: 1, bob: 1, others: 0 }],
      [
        'owner',
        `update todo.users set id = 'carol' where id <> 'carol'`,
        { alice: REFUSED, bob: REFUSED, others: 0 },
      ],
      ['owner', 'delete from todo.users', { alice: 1, bob: 1, others: 0 }],
      ['owner', `delete from todo.users where id = 'alice'`, { alice: 1, others: 0 }],
      ['owner', 'truncate todo.users', { all: '0A000' }],
      ['owner', 'truncate todo.users cascade', { all: EMPTIES_IT }],

      ...nothing('todo_accounts', 'todo.users', `(id) values ('emil')`, 'id'),
      ...nothing('public', 'todo.users', `(id) values ('emil')`, 'id'),
    ],
  },

  // Of a user beside the scopes there is one that has expired, which the owner may see and forget.
  'todo.idempotency_keys': {
    owner: 'user_id',
    holds: `insert into todo.idempotency_keys ${key('alice', 'k')};
      insert into todo.idempotency_keys ${key('bob', 'k')};
      insert into todo.idempotency_keys ${key('erin', 'k')};
      update todo.idempotency_keys set created_at = now() - interval '25 hours' where user_id = 'erin'`,
    cases: [
      ['todo_user', `select ${KEY} from todo.idempotency_keys`, { alice: 1, bob: 1, others: 0 }],
      [
        'todo_user',
        `select ${KEY} from todo.idempotency_keys where user_id = 'alice'`,
        { alice: 1, others: 0 },
      ],
      [
        'todo_user',
        `select ${KEY} from todo.idempotency_keys where key >= 'a' and key < 'z'`,
        { alice: 1, bob: 1, others: 0 },
      ],
      ['todo_user', 'select created_at from todo.idempotency_keys', { all: REFUSED }],
      [
        'todo_user',
        'select user_id, task_id from todo.idempotency_keys',
        { alice: 1, bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer, task_id) values ('alice', 'new', '', '', gen_random_uuid())`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `select ${KEY} from todo.idempotency_keys for update`,
        { alice: 1, bob: 1, others: 0 },
      ],
      [
        'todo_user',
        `insert into todo.idempotency_keys ${key('alice', 'new')}`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.idempotency_keys ${key('alice', 'new')} returning ${KEY}`,
        { alice: 1, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.idempotency_keys ${key('alice', 'k')} on conflict do nothing`,
        { alice: 0, others: REFUSED },
      ],
      [
        'todo_user',
        `insert into todo.idempotency_keys ${key('alice', 'k')} on conflict (user_id, key) do update set answer = ''`,
        { alice: 1, others: REFUSED },
      ],
      ['todo_user', `insert into todo.idempotency_keys ${key('', 'new')}`, { all: REFUSED }],
      [
        'todo_user',
        `update todo.idempotency_keys set answer = ''`,
        { alice: 1, bob: 1, others: 0 },
      ],
      ['todo_user', `update todo.idempotency_keys set key = 'x'`, { all: REFUSED }],
      ['todo_user', 'delete from todo.idempotency_keys', { all: REFUSED }],
      ['todo_user', 'truncate todo.idempotency_keys', { all: REFUSED }],

      ['owner', 'select * from todo.idempotency_keys', { all: 'sees rows of erin' }],
      [
        'owner',
        `select * from todo.idempotency_keys where user_id <> 'erin'`,
        { alice: 1, bob: 1, others: 0 },
      ],
      [
        'owner',
        `insert into todo.idempotency_keys ${key('alice', 'new')}`,
        { alice: 1, others: REFUSED },
      ],
      ['owner', `insert into todo.idempotency_keys ${key('erin', 'new')}`, { all: REFUSED }],
      [
        'owner',
        `update todo.idempotency_keys set answer = '' where user_id <> 'erin'`,
        { alice: 1, bob: 1, others: 0 },
      ],
      ['owner', `update todo.idempotency_keys set answer = ''`, { all: REFUSED }],
      ['owner', 'delete from todo.idempotency_keys returning *', { all: 'sees rows of erin' }],
      [
        'owner',
        `delete from todo.idempotency_keys where user_id <> 'erin'`,
        { alice: 1, bob: 1, others: 0 },
      ],
      ['owner', 'truncate todo.idempotency_keys', { all: EMPTIES_IT }],

      ...nothing('todo_accounts', 'todo.idempotency_keys', key('alice', 'new'), 'answer'),
      ...nothing('public', 'todo.idempotency_keys', key('alice', 'new'), 'answer'),
    ],
  },

  // The epoch of the feed is the same for all, and is no user's.
  'todo.feed': {
    cases: [
      ['todo_user', 'select * from todo.feed', { all: 1 }],
      [
        'todo_user',
        'insert into todo.feed (id, epoch, database) values (true, 1, 1)',
        { all: REFUSED },
      ],
      ['todo_user', 'update todo.feed set epoch = 1', { all: REFUSED }],
      ['todo_user', 'delete from todo.feed', { all: REFUSED }],
      ['todo_user', 'truncate todo.feed', { all: REFUSED }],
      ...nothing(
        'todo_accounts',
        'todo.feed',
        '(id, epoch, database) values (true, 1, 1)',
        'epoch',
      ),
      ...nothing('public', 'todo.feed', '(id, epoch, database) values (true, 1, 1)', 'epoch'),
    ],
  },

  'todo.migrations': {
    cases: [
      ...nothing('todo_user', 'todo.migrations', `(name, sha256) values ('x', 'x')`, 'name'),
      ...nothing('todo_accounts', 'todo.migrations', `(name, sha256) values ('x', 'x')`, 'name'),
      ...nothing('public', 'todo.migrations', `(name, sha256) values ('x', 'x')`, 'name'),
    ],
  },

  'todo_auth."user"': accounts(
    'todo_auth."user"',
    'name',
    (id) => `(id, name, email, "emailVerified") values ('${id}', 'x', '${id}@example.com', true)`,
  ),
  'todo_auth.session': accounts(
    'todo_auth.session',
    'token',
    (id) =>
      `(id, "expiresAt", token, "updatedAt", "userId") values ('${id}', now(), '${id}', now(), 'dora')`,
  ),
  'todo_auth.account': accounts(
    'todo_auth.account',
    'password',
    (id) =>
      `(id, "accountId", "providerId", "userId", "updatedAt") values ('${id}', '${id}', 'x', 'dora', now())`,
  ),
  'todo_auth.verification': accounts(
    'todo_auth.verification',
    'value',
    (id) => `(id, identifier, value, "expiresAt") values ('${id}', 'x', 'x', now())`,
  ),
  'todo_auth.rate_limit': accounts(
    'todo_auth.rate_limit',
    'count',
    (id) => `(key, count, resets_at) values ('${id}', 1, now())`,
  ),
  'todo_auth.deleted_user': {
    holds: `insert into todo_auth.deleted_user (id) values ('gone')`,
    cases: [
      ...nothing('todo_user', 'todo_auth.deleted_user', `(id) values ('emil')`, 'id'),
      ...nothing('todo_accounts', 'todo_auth.deleted_user', `(id) values ('emil')`, 'id'),
      ...nothing('public', 'todo_auth.deleted_user', `(id) values ('emil')`, 'id'),
    ],
  },
  'todo_auth.revocation': {
    holds: `insert into todo_auth.revocation ${REVOCATION}`,
    cases: [
      ['todo_accounts', 'select * from todo_auth.revocation', { all: 1 }],
      ['todo_accounts', `insert into todo_auth.revocation ${REVOCATION}`, { all: REFUSED }],
      ['todo_accounts', 'update todo_auth.revocation set before = now()', { all: REFUSED }],
      ['todo_accounts', 'delete from todo_auth.revocation', { all: 1 }],
      ['todo_accounts', 'truncate todo_auth.revocation', { all: REFUSED }],
      ...nothing('todo_user', 'todo_auth.revocation', REVOCATION, 'before'),
      ...nothing('public', 'todo_auth.revocation', REVOCATION, 'before'),
    ],
  },
}

const FOLDER = new URL('.', import.meta.url)
const resources = await Promise.all(
  globSync('*.cases.ts', { cwd: FOLDER })
    .filter((name) => !import.meta.url.endsWith(`/${name}`))
    .sort()
    .map((name): Promise<{ TABLES: Tables }> => import(new URL(name, FOLDER).href)),
)

/** In an order in which they can be filled. */
export const TABLES: Tables = Object.assign(OWN, ...resources.map(({ TABLES }) => TABLES))

/** The same for functions, by their schema, name and types. */
export const FUNCTIONS: Readonly<Record<string, readonly Case[]>> = {
  'todo.refuse_deleted(text)': [
    ['todo_user', `select todo.refuse_deleted('alice')`, { all: 1 }],
    ['todo_user', `select todo.refuse_deleted('gone')`, { all: 'TD401' }],
    ['todo_accounts', `select todo.refuse_deleted('alice')`, { all: REFUSED }],
    ['public', `select todo.refuse_deleted('alice')`, { all: REFUSED }],
  ],
  'todo.refuse(text)': [
    ['todo_user', `select todo.refuse('missing')`, { all: 'TD404' }],
    ['todo_user', `select todo.refuse('stale')`, { all: 'TD412' }],
    ['todo_accounts', `select todo.refuse('missing')`, { all: REFUSED }],
    ['public', `select todo.refuse('missing')`, { all: REFUSED }],
  ],
  'todo.check_parent()': [
    ['todo_user', 'select todo.check_parent()', { all: REFUSED }],
    ['todo_accounts', 'select todo.check_parent()', { all: REFUSED }],
    ['public', 'select todo.check_parent()', { all: REFUSED }],
  ],
  'todo.take_children()': [
    ['todo_user', 'select todo.take_children()', { all: REFUSED }],
    ['todo_accounts', 'select todo.take_children()', { all: REFUSED }],
    ['public', 'select todo.take_children()', { all: REFUSED }],
  ],
  'todo.begin_series()': [
    ['todo_user', 'select todo.begin_series()', { all: REFUSED }],
    ['todo_accounts', 'select todo.begin_series()', { all: REFUSED }],
    ['public', 'select todo.begin_series()', { all: REFUSED }],
  ],
  'todo.end_occurrence()': [
    ['todo_user', 'select todo.end_occurrence()', { all: REFUSED }],
    ['todo_accounts', 'select todo.end_occurrence()', { all: REFUSED }],
    ['public', 'select todo.end_occurrence()', { all: REFUSED }],
  ],
  'todo.occurrence_facts(todo.tasks)': [
    ['todo_user', `select todo.occurrence_facts(null::todo.tasks)`, { all: 1 }],
    ['todo_accounts', `select todo.occurrence_facts(null::todo.tasks)`, { all: REFUSED }],
    ['public', `select todo.occurrence_facts(null::todo.tasks)`, { all: REFUSED }],
  ],
  'todo.refuse_without_dates()': [
    ['todo_user', `select todo.refuse_without_dates()`, { all: 1 }],
    ['todo_accounts', `select todo.refuse_without_dates()`, { all: REFUSED }],
    ['public', `select todo.refuse_without_dates()`, { all: REFUSED }],
  ],
  'todo.make_occurrence()': [
    ['todo_user', 'select todo.make_occurrence()', { all: REFUSED }],
    ['todo_accounts', 'select todo.make_occurrence()', { all: REFUSED }],
    ['public', 'select todo.make_occurrence()', { all: REFUSED }],
  ],
  'todo.reopen_occurrence()': [
    ['todo_user', 'select todo.reopen_occurrence()', { all: REFUSED }],
    ['todo_accounts', 'select todo.reopen_occurrence()', { all: REFUSED }],
    ['public', 'select todo.reopen_occurrence()', { all: REFUSED }],
  ],
  'todo.fold_task()': [
    ['todo_user', 'select todo.fold_task()', { all: REFUSED }],
    ['todo_accounts', 'select todo.fold_task()', { all: REFUSED }],
    ['public', 'select todo.fold_task()', { all: REFUSED }],
  ],
  'todo.folded(text)': [
    ['todo_user', `select todo.folded('x')`, { all: REFUSED }],
    ['todo_accounts', `select todo.folded('x')`, { all: REFUSED }],
    ['public', `select todo.folded('x')`, { all: REFUSED }],
  ],
  'todo.due_at(date,time without time zone,text)': [
    ['todo_user', `select todo.due_at('2027-07-01', '12:00', 'UTC')`, { all: 1 }],
    ['todo_accounts', `select todo.due_at('2027-07-01', '12:00', 'UTC')`, { all: REFUSED }],
    ['public', `select todo.due_at('2027-07-01', '12:00', 'UTC')`, { all: REFUSED }],
  ],
  'todo.key_integer(text)': [
    ['todo_user', `select todo.key_integer('a0')`, { all: 1 }],
    ['todo_accounts', `select todo.key_integer('a0')`, { all: REFUSED }],
    ['public', `select todo.key_integer('a0')`, { all: REFUSED }],
  ],
  'todo.key_step(text,boolean)': [
    ['todo_user', `select todo.key_step('a0', true)`, { all: 1 }],
    ['todo_accounts', `select todo.key_step('a0', true)`, { all: REFUSED }],
    ['public', `select todo.key_step('a0', true)`, { all: REFUSED }],
  ],
  'todo.key_middle(text,text)': [
    ['todo_user', `select todo.key_middle('1', '2')`, { all: 1 }],
    ['todo_accounts', `select todo.key_middle('1', '2')`, { all: REFUSED }],
    ['public', `select todo.key_middle('1', '2')`, { all: REFUSED }],
  ],
  'todo.key_between(text,text)': [
    ['todo_user', `select todo.key_between('a0', 'a1')`, { all: 1 }],
    ['todo_accounts', `select todo.key_between('a0', 'a1')`, { all: REFUSED }],
    ['public', `select todo.key_between('a0', 'a1')`, { all: REFUSED }],
  ],
  'todo.key_before(text)': [
    ['todo_user', `select todo.key_before('a0')`, { all: 1 }],
    ['todo_accounts', `select todo.key_before('a0')`, { all: REFUSED }],
    ['public', `select todo.key_before('a0')`, { all: REFUSED }],
  ],
  'todo.spread(text[],integer)': [
    ['todo_user', `select todo.spread('{a0}', 1) limit 1`, { all: 1 }],
    ['todo_accounts', `select todo.spread('{a0}', 1) limit 1`, { all: REFUSED }],
    ['public', `select todo.spread('{a0}', 1) limit 1`, { all: REFUSED }],
  ],
  // It tells how many, and nothing of them.
  'todo.forget_expired_keys(integer)': [
    ['todo_user', 'select todo.forget_expired_keys(10)', { all: 'changes rows of erin' }],
    ['todo_user', 'select todo.forget_expired_keys(0)', { all: 1 }],
    ['todo_accounts', 'select todo.forget_expired_keys(10)', { all: REFUSED }],
    ['public', 'select todo.forget_expired_keys(10)', { all: REFUSED }],
  ],
  // It tells how many, and nothing of them. Of a user beside the scopes there is a task that was deleted long ago.
  'todo.purge_tasks(integer,integer)': [
    ['todo_user', 'select todo.purge_tasks(30, 10)', { all: 'changes rows of erin' }],
    ['todo_user', 'select todo.purge_tasks(90, 10)', { all: 1 }],
    ['todo_user', 'select todo.purge_tasks(30, 0)', { all: 1 }],
    ['todo_accounts', 'select todo.purge_tasks(30, 10)', { all: REFUSED }],
    ['public', 'select todo.purge_tasks(30, 10)', { all: REFUSED }],
  ],
  'todo_auth.empty_deleted_user(integer)': [
    ['todo_user', 'select todo_auth.empty_deleted_user(10)', { all: REFUSED }],
    ['todo_accounts', 'select todo_auth.empty_deleted_user(10)', { all: 1 }],
    ['public', 'select todo_auth.empty_deleted_user(10)', { all: REFUSED }],
  ],
  'todo_auth.revoke_tokens(text)': [
    ['todo_user', `select todo_auth.revoke_tokens('alice')`, { all: REFUSED }],
    ['todo_accounts', `select todo_auth.revoke_tokens('alice')`, { all: 1 }],
    ['public', `select todo_auth.revoke_tokens('alice')`, { all: REFUSED }],
  ],
  // Triggers, which PostgreSQL lets nobody call (0A000).
  'todo.refuse_deleted_user()': [
    ['todo_user', 'select todo.refuse_deleted_user()', { all: '0A000' }],
    ['todo_accounts', 'select todo.refuse_deleted_user()', { all: REFUSED }],
    ['public', 'select todo.refuse_deleted_user()', { all: REFUSED }],
  ],
  'todo.refuse_unnumbered()': [
    ['todo_user', 'select todo.refuse_unnumbered()', { all: REFUSED }],
    ['todo_accounts', 'select todo.refuse_unnumbered()', { all: REFUSED }],
    ['public', 'select todo.refuse_unnumbered()', { all: REFUSED }],
  ],
  ...Object.fromEntries(
    [
      'todo_auth.end_disabled_sessions()',
      'todo_auth.forget_reset_codes()',
      'todo_auth.keep_newest_sessions()',
      'todo_auth.refuse_disabled()',
      'todo_auth.revoke_earlier_tokens()',
    ].map((name) => [
      name,
      (['todo_user', 'todo_accounts', 'public'] as const).map(
        (role): Case => [role, `select ${name}`, { all: REFUSED }],
      ),
    ]),
  ),

  'todo_auth.forget_user()': [
    ['todo_user', 'select todo_auth.forget_user()', { all: REFUSED }],
    ['todo_accounts', 'select todo_auth.forget_user()', { all: REFUSED }],
    ['public', 'select todo_auth.forget_user()', { all: REFUSED }],
  ],
}

/** Making something in a schema, where it could be called or read in place of what stands there. */
const creating = (role: Role, schema: string): Case[] => [
  [role, `create table ${schema}.mine (user_id text)`, { all: REFUSED }],
  [role, `create view ${schema}.mine as select 1 as x`, { all: REFUSED }],
  [role, `create type ${schema}.mine as enum ()`, { all: REFUSED }],
  ...['refuse_deleted(varchar)', 'to_json(text)', 'set_config(text, text, boolean)'].map(
    (name): Case => [
      role,
      `create function ${schema}.${name} returns text language sql as $$ select '' $$`,
      { all: REFUSED },
    ],
  ),
]

/** Schemas, and those whose functions would shadow PostgreSQL's own on another `search_path`. */
export const SCHEMAS: Readonly<Record<string, readonly Case[]>> = Object.fromEntries(
  ['todo', 'todo_auth', 'public'].map((schema) => [
    schema,
    (['todo_user', 'todo_accounts', 'public'] as const).flatMap((role) => creating(role, schema)),
  ]),
)
