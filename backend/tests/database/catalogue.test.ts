import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { inTrial, withDirectClient } from '../../src/database/direct.ts'
import {
  CATALOGUE_FILE,
  readCatalogue,
  writeCatalogue,
} from '../../src/database/walls/catalogue.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { KINDS, openTestDatabase, type TestDatabase } from '../support/databases.ts'

const DEFINER = 'language sql security definer'

/** What stops a start, and what it says. What the message says to run must mend it, or `mended` does. */
const BROKEN: [what: string, broken: string, says: RegExp, mended?: string][] = [
  // Policies.
  ...['update', 'delete', 'insert', 'all'].map((verb): [string, string, RegExp] => [
    `a permissive policy for ${verb} on tasks`,
    `create policy more on todo.tasks for ${verb} to todo_user ${verb === 'insert' ? 'with check' : 'using'} (${
      verb === 'all' ? 'false' : 'true'
    })`,
    /policy "more on todo\.tasks" was added/,
  ]),
  [
    'a permissive policy on keys',
    'create policy more on todo.idempotency_keys for insert with check (true)',
    /policy "more on todo\.idempotency_keys" was added/,
  ],
  [
    'a permissive policy on users',
    'create policy "more of it" on todo.users for delete using (true)',
    /policy "\\"more of it\\" on todo\.users" was added|policy ""more of it" on todo\.users" was added/,
  ],
  [
    'the policy of keys is open',
    'alter policy own_keys on todo.idempotency_keys with check (true)',
    /policy "own_keys on todo\.idempotency_keys" was changed/,
  ],
  [
    'the policy of expired keys is gone',
    'drop policy expired_keys on todo.idempotency_keys',
    /policy "expired_keys on todo\.idempotency_keys" is missing/,
    `create policy expired_keys on todo.idempotency_keys to current_user
     using (created_at < now() - interval '24 hours') with check (false)`,
  ],
  [
    'the policy of expired keys names another role',
    'alter policy expired_keys on todo.idempotency_keys to todo_accounts',
    /policy "expired_keys on todo\.idempotency_keys" was changed/,
    'alter policy expired_keys on todo.idempotency_keys to current_user',
  ],
  // Triggers, rules, foreign keys.
  [
    'the trigger of deletions is disabled',
    'alter table todo_auth."user" disable trigger forget_user',
    /trigger "forget_user on todo_auth\."user"" was changed.*alter table todo_auth\."user" enable trigger forget_user/,
  ],
  [
    'a trigger fires on replicas alone',
    'alter table todo.users enable replica trigger refuse_deleted_user',
    /trigger "refuse_deleted_user on todo\.users" was changed/,
  ],
  [
    'all triggers are disabled, those of foreign keys too',
    'alter table todo.users disable trigger all',
    /with triggers disabled/,
    'alter table todo.users enable trigger all',
  ],
  [
    'a trigger is gone',
    'drop trigger forget_user on todo_auth."user"',
    /trigger "forget_user on todo_auth\."user"" is missing/,
  ],
  [
    'a trigger was added',
    `create function public.copy() returns trigger language plpgsql as $$ begin return new; end $$;
     create trigger copy before insert on todo.tasks for each row execute function public.copy()`,
    /trigger "copy on todo\.tasks" was added/,
    'drop trigger copy on todo.tasks; drop function public.copy()',
  ],
  [
    'a rule was added',
    'create rule keep as on delete to todo.tasks do instead nothing',
    /rule "keep on todo\.tasks" was added/,
  ],
  [
    'a foreign key deletes no more with its user',
    `alter table todo.tasks drop constraint tasks_user_id_fkey;
     alter table todo.tasks add constraint tasks_user_id_fkey foreign key (user_id) references todo.users (id)`,
    /constraint "tasks_user_id_fkey on todo\.tasks" was changed/,
  ],
  [
    'a table elsewhere decides what may be deleted',
    'create table public.kept (id text constraint keeps references todo.users (id))',
    /foreign key "keeps on public\.kept" of another table/,
    'drop table public.kept',
  ],
  // Columns, tables.
  [
    'a column is filled by something else',
    `alter table todo.tasks alter description set default current_setting('app.user_id')`,
    /column "todo\.tasks\.description" was changed/,
    'alter table todo.tasks alter description drop default',
  ],
  [
    'a column was added',
    'alter table todo.tasks add column secret text',
    /column "todo\.tasks\.secret" was added/,
  ],
  [
    'a table inherits from tasks',
    'create table public.child () inherits (todo.tasks)',
    /child table "public\.child" was added/,
    'drop table public.child',
  ],
  // Functions.
  [
    'the body of a function was changed',
    `create or replace function todo.refuse_deleted(user_id text) returns text
     language plpgsql security definer set search_path = '' as $$ begin return null; end $$`,
    /function "todo\.refuse_deleted\(text\)" was changed/,
    'restore',
  ],
  [
    'a function may be called with another path',
    'alter function todo.forget_expired_keys(integer) reset search_path',
    /function "todo\.forget_expired_keys\(integer\)" was changed/,
    `alter function todo.forget_expired_keys(integer) set search_path = ''`,
  ],
  [
    'a function was added',
    `create function todo.refuse_deleted(user_id varchar) returns text language sql as $$ select '' $$`,
    /function "todo\.refuse_deleted\(character varying\)" was added/,
    'drop function todo.refuse_deleted(varchar)',
  ],
  // Grants.
  [
    'the role of tasks gains a column',
    'grant update (user_id) on todo.tasks to todo_user',
    /grant "update \(user_id\) on table todo\.tasks to todo_user" was added/,
  ],
  [
    'the role of tasks may hand a right on',
    'grant select on todo.tasks to todo_user with grant option',
    /grant "select on table todo\.tasks to todo_user" was changed/,
  ],
  [
    'everybody gains a right',
    'grant select on todo_auth.session to public',
    /todo_auth/,
    'revoke select on todo_auth.session from public',
  ],
  [
    'everybody may run a function',
    'grant execute on function todo.forget_expired_keys(integer) to public',
    /grant "execute on function todo\.forget_expired_keys\(integer\) to public" was added/,
  ],
  [
    'a right is missing',
    'revoke update (title) on todo.tasks from todo_user',
    /grant "update \(title\) on table todo\.tasks to todo_user" is missing/,
  ],
  [
    'another role may put triggers on tasks',
    'create role mallory; grant trigger on todo.tasks to mallory',
    /grant "trigger on table todo\.tasks to mallory" was added/,
    'revoke trigger on todo.tasks from mallory; drop role mallory',
  ],
  [
    'tables of later would be open',
    'alter default privileges in schema todo grant select on tables to todo_user',
    /default privileges "for role \w+ in schema todo revoke all on tables from todo_user" was added/,
  ],
  // Elsewhere.
  [
    'a view shows tasks',
    'create view public.seen as select * from todo.tasks; grant select on public.seen to public',
    /view "public\.seen" reaches the rows/,
    'drop view public.seen',
  ],
  [
    'a view of a view lets one role change keys',
    `create view public.inner_one as select * from todo.idempotency_keys;
     create view public.outer_one as select key from public.inner_one; grant update on public.outer_one to todo_user`,
    /view "public\.outer_one" reaches the rows/,
    'drop view public.inner_one cascade',
  ],
  [
    'a view that asks as its caller lies in one that does not',
    `create view public.inner_one with (security_invoker = true) as select * from todo.tasks;
     create view public.outer_one as select title from public.inner_one; grant select on public.outer_one to todo_accounts`,
    /view "public\.outer_one" reaches the rows/,
    'drop view public.inner_one cascade',
  ],
  [
    'a materialized view keeps hashes',
    'create materialized view public.kept as select * from todo_auth.account; grant select (password) on public.kept to todo_user',
    /materialized view "public\.kept" reaches the rows/,
    'drop materialized view public.kept',
  ],
  [
    'a function of a stranger reads tasks',
    `create function public.titles() returns setof text ${DEFINER} as $$ select title from "todo" . tasks $$`,
    /function elsewhere "public\.titles\(\)" reaches the rows/,
    'drop function public.titles()',
  ],
  [
    'one with a body that PostgreSQL has parsed',
    `create function public.titles() returns bigint ${DEFINER} begin atomic; select count(*) from todo.tasks; end`,
    /function elsewhere "public\.titles\(\)"/,
    'drop function public.titles()',
  ],
  [
    'one that finds tasks by its path',
    `create function public.titles() returns setof text ${DEFINER} set search_path = todo as $$ select title from tasks $$`,
    /function elsewhere "public\.titles\(\)"/,
    'drop function public.titles()',
  ],
  [
    'one that puts its statement together',
    `create function public.wipe() returns void language plpgsql security definer as
     $$ begin execute format('delete from %I.%I', 'todo', 'tasks'); end $$`,
    /function elsewhere "public\.wipe\(\)"/,
    'drop function public.wipe()',
  ],
]

/** What an operator may well have, and a start must not mind. */
const HARMLESS: [what: string, ddl: string][] = [
  ['an index', 'create index by_title on todo.tasks (title)'],
  ['statistics', 'create statistics todo.more on title, completed from todo.tasks'],
  [
    'storage',
    'alter table todo.tasks set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)',
  ],
  ['a comment', `comment on table todo.tasks is 'ours'`],
  ['a backup of a table', 'create table todo.tasks_before as select * from todo.tasks'],
  [
    'a role for reports, with its policy and a view of its own',
    `create role reporter; grant usage on schema todo to reporter; grant select on todo.tasks to reporter;
     create policy reports on todo.tasks for select to reporter using (true);
     create view public.report as select count(*) from todo.tasks; grant select on public.report to reporter`,
  ],
  [
    'a view that asks as its caller',
    `create view public.mine with (security_invoker = on) as select title from todo.tasks;
     grant select on public.mine to public`,
  ],
  [
    'functions of another application, for everybody',
    `create schema app; grant usage on schema app to public; create table app.tasks (status text);
     create function app.open_tasks() returns bigint ${DEFINER} as
       $$ -- TODO: tasks of the user
          select count(*) from app.tasks where status = 'todo' $$`,
  ],
  [
    'a function on tasks where requests have no way in',
    `create schema hidden; create function hidden.titles() returns setof text ${DEFINER} as $$ select title from todo.tasks $$`,
  ],
  [
    'less for everybody than PostgreSQL gives',
    'revoke execute on function todo.refuse_deleted_user() from public',
  ],
  ['another way of writing intervals', 'set local intervalstyle = iso_8601'],
]

async function messageOf(proof: Promise<void>): Promise<string> {
  return proof.then(
    () => 'it serves',
    (error: Error) => (error.name === 'WallError' ? error.message : String(error)),
  )
}

for (const kind of KINDS) {
  describe(`the comparison with the catalogue on ${kind}`, () => {
    let test: TestDatabase
    let functionBody: string
    before(async () => {
      test = await openTestDatabase(kind)
      const [body] = await test.admin(
        `select pg_get_functiondef('todo.refuse_deleted(text)'::regprocedure) as definition`,
      )
      functionBody = String(body?.definition)
    })
    after(() => test.close())

    it('the file is what the migrations make', async () => {
      await withDirectClient(test.connector.direct, (client) =>
        inTrial(client, async () => {
          const written = await readFile(CATALOGUE_FILE, 'utf8')
          assert.equal(writeCatalogue(await readCatalogue(client)), written)
        }),
      )
    })

    for (const [what, broken, says, mended] of BROKEN) {
      it(`stops the start, and names the statement that repairs it: ${what}`, async () => {
        await test.admin(broken)
        const message = await messageOf(proveWalls(test.connector))
        const [, run] = / Run: (.*?)(?: \(\d+ more differ\))?$/.exec(message) ?? []
        await test.admin(mended === 'restore' ? functionBody : (mended ?? run ?? ''))
        const left = await messageOf(proveWalls(test.connector))
        assert.match(message, says)
        assert.doesNotMatch(message, /\n|undefined/)
        assert.equal(left, 'it serves', `not mended by "${mended ?? run}"`)
      })
    }

    it('ignores objects that no request reaches', async () => {
      for (const [, ddl] of HARMLESS) await test.admin(ddl)
      await proveWalls(test.connector)
      if (kind === 'postgres') await test.admin('drop owned by reporter; drop role reporter')
    })
  })
}
