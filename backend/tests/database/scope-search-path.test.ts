import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import type { Database } from '../../src/database/session.ts'
import { countAttempt } from '../../src/models/accounts/account.ts'
import { listAccounts } from '../../src/models/accounts/operator.ts'
import { listTasks } from '../../src/models/tasks/list.ts'
import { insertTaskOnce } from '../../src/models/tasks/once.ts'
import { findTask, insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { KINDS, openMigrated, rawStatement, taskId } from '../support/databases.ts'
import { nameAnotherProcess, startProxy } from '../support/proxy.ts'

const WIDE = 'set search_path = public, pg_catalog'

/** What a role that may create in `public` puts before PostgreSQL's own; each notes what it was given. */
const SHADOWS = `
  create table public.leaks (what text);
  grant insert, select on public.leaks to public;
  create table public.tasks as select 'nobody'::text as user_id, 'shadow'::text as title;
  grant select on public.tasks to public;
  create domain public.int4 as pg_catalog.int4 check (value < 0);
  create domain public.timestamptz as pg_catalog.timestamptz check (value is null);
  create function public.to_json(text) returns json language plpgsql as
    $$ begin insert into public.leaks values ($1); return pg_catalog.to_json($1); end $$;
  create function public.set_config(text, text, boolean) returns text language plpgsql as
    $$ begin insert into public.leaks values ($1); return pg_catalog.set_config($1, $2, $3); end $$;
  create function public.octet_length(text) returns int language plpgsql as
    $$ begin insert into public.leaks values ($1); return 1; end $$;
  create function public.pg_backend_pid() returns pg_catalog.int4 language plpgsql as
    $$ begin insert into public.leaks values ('pid'); return 1; end $$;
  create function public.now() returns pg_catalog.timestamptz language plpgsql as
    $$ begin insert into public.leaks values ('now'); return 'epoch'; end $$;
  create function public.joined(text, text) returns text language plpgsql as
    $$ begin insert into public.leaks values ($1); return pg_catalog.concat($1, $2); end $$;
  create operator public.|| (leftarg = text, rightarg = text, function = public.joined);
  create function public.differs(pg_catalog.int4, pg_catalog.int4) returns boolean language plpgsql as
    $$ begin insert into public.leaks values ('differs'); return false; end $$;
  create operator public.<> (leftarg = pg_catalog.int4, rightarg = pg_catalog.int4, function = public.differs);
  create function public.alike(text, text) returns boolean language plpgsql as
    $$ begin insert into public.leaks values ($1); return true; end $$;
  create operator public.= (leftarg = text, rightarg = text, function = public.alike);`

const longList = listTasks({ limit: 51 })
const key = { key: 'once', requestHash: 'hash' }

/** Every kind of statement on tasks, as one user beside another. */
async function useTasks(database: Database, first: number): Promise<void> {
  const id = taskId(first)
  await database.asUser('bob', insertTask(taskId(first + 1), { title: 'Bob’s' }))
  await database.asUser('alice', insertTask(id, { title: 'Alice’s' }))
  await database.asUser('alice', updateTask(id, { title: 'mine' }, undefined))
  await database.asUser('alice', toggleTask(id, undefined))
  await database.asUser('alice', insertTaskOnce(taskId(first + 2), { title: 'x' }, key))
  assert.match((await database.asUser('alice', findTask(id)))?.json ?? '', /"title":"mine"/)
  for (const limit of [10, 51]) {
    const page = await database.asUser('alice', listTasks({ limit }))
    assert.match(page?.rows ?? '', /"title":"mine"/)
    assert.doesNotMatch(page?.rows ?? '', /Bob|shadow/)
  }
  const path = rawStatement(`select pg_catalog.current_setting('search_path')`)
  assert.deepEqual(await database.asUser('alice', path), [['pg_catalog, pg_temp']])
}

for (const kind of KINDS) {
  describe(`functions of others on ${kind}`, () => {
    let opened: Awaited<ReturnType<typeof openMigrated>>
    let connector: Connector
    const role = `shadows_${randomUUID().slice(0, 8)}`
    const admin = (text: string) =>
      withDirectClient(connector.direct, async (client) => (await client.query(text)).rows)
    /** Titles and all else that a shadow was given since the last time. */
    const leaks = async () => {
      await admin('set search_path = pg_catalog')
      const rows = await admin('select what from public.leaks')
      await admin('truncate public.leaks')
      await admin(WIDE)
      return rows.map(({ what }) => what)
    }
    before(async () => {
      opened = await openMigrated(kind)
      connector = opened.connector
      await admin(`create role ${role}; grant create on schema public to ${role}`)
      await admin(`set role ${role}; ${SHADOWS}; reset role`)
      if (opened.config.kind !== 'postgres') return
      const { pathname } = new URL(opened.config.url)
      await admin(`alter database ${pathname.slice(1)} ${WIDE}`)
      await admin(`alter role current_user in database ${pathname.slice(1)} ${WIDE}`)
    })
    after(async () => {
      await connector.close()
      await opened.drop()
      if (opened.config.kind !== 'postgres') return
      const client = new Client({ connectionString: process.env.TEST_DATABASE_URL })
      await client.connect()
      await client.query(`drop role ${role}`)
      await client.end()
    })

    it('would be given titles by a session that leaves its path as it is', async () => {
      await withDirectClient(connector.direct, async (client) => {
        await client.query('set search_path = pg_catalog')
        await client.query(`insert into todo.users values ('alice')`)
        await client.query(
          `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
           values ('alice', gen_random_uuid(), 'Alice’s', false, now(), now(), 0)`,
        )
        await client.query(WIDE)
        await client.query(longList.sql.text, ['alice', ...longList.values])
      })
      assert.ok((await leaks()).includes('Alice’s'))
    })

    it('are given nothing in a session of its own', async () => {
      const pool = new PipelinedPool({ ...connector, close: async () => {} })
      await useTasks(pool, 10)
      await pool.close()
      assert.deepEqual(await leaks(), [])
    })

    it('are given nothing for accounts', async () => {
      const pool = new AccountPool(connector)
      for (let n = 0; n < 3; n += 1) {
        const { allowed } = await pool.run(countAttempt('x', { max: 5, windowSeconds: 60 }))
        assert.ok(allowed)
      }
      assert.deepEqual(await pool.run(listAccounts({ search: '', after: '', limit: 10 })), [])
      await pool.close()
      assert.deepEqual(await leaks(), [])
    })

    if (kind === 'pglite') return
    it('are given nothing behind a pooler, where the session was used under its own path before', async () => {
      const { url } = opened.config.kind === 'postgres' ? opened.config : { url: '' }
      const proxy = await startProxy(url, nameAnotherProcess)
      const pool = new PipelinedPool(
        connectPostgres({ url: proxy.url, directUrl: url, poolMax: 1 }),
      )
      const { name, text } = longList.sql
      // A pooler's session has it prepared already, under the path of somebody else.
      await pool.asUser('alice', rawStatement(`prepare ${name} as ${text}`))
      await useTasks(pool, 20)
      const accounts = new AccountPool(
        connectPostgres({ url: proxy.url, directUrl: url, poolMax: 1 }),
      )
      assert.deepEqual(await accounts.run(listAccounts({ search: '', after: '', limit: 10 })), [])
      await Promise.all([pool.close(), accounts.close()])
      await proxy.close()
      assert.deepEqual(await leaks(), [])
    })
  })
}
