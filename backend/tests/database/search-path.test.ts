import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { inTrial, withDirectClient } from '../../src/database/direct.ts'
import { migrate, readMigrations } from '../../src/database/migrate/migrate.ts'
import { proveAccountsRole, proveWalls } from '../../src/database/walls/walls.ts'
import { asServerAdmin, emptyPostgres, KINDS, openMigrated } from '../support/databases.ts'

/**
 * What anybody may make who may create in `public`: a function beside each of PostgreSQL's own, with
 * the same name and parameters, and an operator, that end whatever calls them.
 */
const SHADOWS = `
  create function public.shadow(a text, b text) returns boolean language plpgsql as
    $f$ begin raise 'a shadow of an operator was called'; end $f$;
  create operator public.= (leftarg = text, rightarg = text, function = public.shadow);
  create operator public.<> (leftarg = text, rightarg = text, function = public.shadow);
  do $d$ declare f record; made integer := 0; begin
    for f in select proname, pg_get_function_identity_arguments(oid) as parameters, prorettype::regtype as result
      from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f' and not proretset
        and proargmodes is null and provariadic = 0
    loop begin
      execute format('create function public.%I(%s) returns %s language plpgsql as $f$ begin raise ''a shadow of %s was called''; end $f$',
        f.proname, f.parameters, f.result, f.proname);
      made := made + 1;
    exception when others then null; end; end loop;
    if made < 1000 then raise 'only % shadows', made; end if;
  end $d$`

async function withShadows(work: (connector: Connector, url: string) => Promise<void>) {
  const { url, drop } = await emptyPostgres()
  const name = new URL(url).pathname.slice(1)
  try {
    await asServerAdmin(url, 'grant create on schema public to public')
    await asServerAdmin(url, SHADOWS)
    await asServerAdmin(url, `alter database ${name} set search_path = public, pg_catalog`)
    const database = { kind: 'postgres', url, directUrl: url } as const
    const connector = await connect({ database, poolMax: 1 })
    try {
      await work(connector, url)
    } finally {
      await connector.close()
    }
  } finally {
    await drop()
  }
}

describe('a database where everybody may create in public, which comes first in the path', () => {
  it('is migrated and proven without calling any function there', async () => {
    await withShadows(async (connector, url) => {
      await assert.rejects(asServerAdmin(url, `select to_json('x'::text)`), /a shadow of to_json/)
      await assert.rejects(asServerAdmin(url, `select 'x'::text = 'x'`), /a shadow of an operator/)
      const known = await readMigrations()
      assert.equal((await migrate(connector)).length, known.length)
      const later = { name: '9000_later.sql', sql: `select now(), format('x')`, sha256: '' }
      assert.deepEqual(await migrate(connector, [...known, later]), [later.name])
      await proveWalls(connector)
      await proveAccountsRole(connector)
    })
  })
})

for (const kind of KINDS) {
  describe(`a direct connection on ${kind}`, () => {
    it('looks for names in pg_catalog alone, before and in a transaction', async () => {
      const { connector, drop } = await openMigrated(kind)
      const path = await withDirectClient(connector.direct, async (client) => {
        const shown = async () => (await client.query('show search_path')).rows[0].search_path
        const before = await shown()
        await client.query('set search_path = public')
        await inTrial(client, async () => assert.equal(await shown(), 'pg_catalog, pg_temp'))
        await client.query('set search_path = pg_catalog, pg_temp')
        return before
      })
      assert.equal(path, 'pg_catalog, pg_temp')
      await connector.close()
      await drop()
    })
  })
}

describe('schemas that somebody else made first', () => {
  const theirs: [what: string, ddl: (role: string) => string][] = [
    ['todo, and nothing in it', (role) => `create schema todo authorization ${role}`],
    ['that of accounts', (role) => `create schema todo_auth authorization ${role}`],
    [
      'with a view for a history, whose functions a reader would call',
      (role) =>
        `create schema todo authorization ${role}; create view todo.migrations as select '0001_tasks.sql' as name, '' as sha256;
         alter view todo.migrations owner to ${role}`,
    ],
  ]
  for (const [what, ddl] of theirs) {
    it(`are refused before anything in them is read: ${what}`, async () => {
      const { url, drop } = await emptyPostgres()
      const mallory = `mallory_${randomUUID().replaceAll('-', '')}`
      await asServerAdmin(url, `create role ${mallory}; ${ddl(mallory)}`)
      const database = { kind: 'postgres', url, directUrl: url } as const
      const connector = await connect({ database, poolMax: 1 })
      await assert.rejects(migrate(connector), {
        name: 'WallError',
        message: /belongs to the role mallory|not the table that this server creates/,
      })
      await connector.close()
      await drop()
      const server = new URL(url)
      server.pathname = '/postgres'
      await asServerAdmin(server.href, `drop role ${mallory}`)
    })
  }
})
