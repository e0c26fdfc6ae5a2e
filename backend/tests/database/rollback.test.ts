import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { openConnector } from '../../src/database/connect.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { type Migration, migrate, readMigrations } from '../../src/database/migrate/migrate.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { findTask, insertTask } from '../../src/models/tasks/task.ts'
import { restoreBackup } from '../support/backups.ts'
import { KINDS, openMigrated, openTestDatabase, taskId, testFolder } from '../support/databases.ts'

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  sha256: createHash('sha256').update(sql).digest('hex'),
})

/** A newer version adds everything that this one must accept. */
const COMPATIBLE = migration(
  '9000_labels.compatible.sql',
  `alter table todo.tasks add column colour text, add column weight int not null default 1;
   grant select (colour), insert (colour), update (colour) on todo.tasks to todo_user;
   alter table todo.tasks add constraint short_colour check (char_length(colour) < 20);
   create function todo.lower_colour() returns trigger language plpgsql as $$
     begin new.colour := lower(new.colour); return new; end $$;
   create trigger lower_colour before insert or update on todo.tasks
     for each row execute function todo.lower_colour();
   create table todo.labels (
     user_id text collate "C" not null, id bigserial, name text not null, primary key (user_id, id));
   alter table todo.labels enable row level security;
   alter table todo.labels force row level security;
   create policy own_labels on todo.labels using (user_id = nullif(current_setting('app.user_id', true), ''));
   create policy backup on todo.labels to current_user using (current_setting('todo.backup', true) = 'on');
   grant select, insert, delete on todo.labels to todo_user;
   grant usage on sequence todo.labels_id_seq to todo_user;`,
)

/** Changes of the tables that this version knows, and of what its users may do. */
const REFUSED: [what: string, broken: string, mended: string, says: RegExp][] = [
  [
    'a policy that only restricts',
    'create policy more on todo.tasks as restrictive using (true)',
    'drop policy more on todo.tasks',
    /9000_labels\.compatible\.sql of a newer version .* policy "more on todo\.tasks" was added\. This version cannot tell/,
  ],
  [
    'a privilege on a known table',
    'grant delete on todo.users to todo_user',
    'revoke delete on todo.users from todo_user',
    /grant "delete on table todo\.users to todo_user" was added/,
  ],
  [
    'a privilege on a known column',
    'grant update (created_at) on todo.tasks to todo_user',
    'revoke update (created_at) on todo.tasks from todo_user',
    /grant "update \(created_at\) on table todo\.tasks to todo_user" was added/,
  ],
  [
    'a privilege on a new table for all roles',
    'grant trigger on todo.labels to public',
    'revoke trigger on todo.labels from public',
    /todo_accounts has privileges in the schema todo/,
  ],
  [
    'a function with the rights of its owner',
    `create function todo.all_titles() returns setof text language sql security definer
       as 'select title from todo.tasks'`,
    'drop function todo.all_titles()',
    /function "todo\.all_titles\(\)" was added/,
  ],
  [
    'a column that this version does not fill',
    'alter table todo.idempotency_keys add column must text not null',
    'alter table todo.idempotency_keys drop column must',
    /column "todo\.idempotency_keys\.must" was added/,
  ],
  [
    'a new table without row-level security',
    'alter table todo.labels no force row level security',
    'alter table todo.labels force row level security',
    /not enabled and forced on todo\.labels/,
  ],
  [
    'a new table that shows the rows of others',
    'create policy all_labels on todo.labels for select using (true)',
    'drop policy all_labels on todo.labels',
    /sees rows of todo\.labels/,
  ],
  [
    'a view in the schema',
    `create view todo.everything as select * from todo.tasks; grant select on todo.everything to todo_user`,
    'drop view todo.everything',
    /grant "select on table todo\.everything to todo_user" was added/,
  ],
]

for (const kind of KINDS) {
  describe(`an older server on a newer database, on ${kind}`, () => {
    let opened: Awaited<ReturnType<typeof openMigrated>>
    const admin = (text: string) =>
      withDirectClient(opened.connector.direct, (client) => client.query(text))

    before(async () => {
      opened = await openMigrated(kind)
      await migrate(opened.connector, [...(await readMigrations()), COMPATIBLE])
    })
    after(async () => {
      await opened.connector.close()
      await opened.drop()
    })

    it('serves with one warning, if the newer migrations are marked as compatible', async () => {
      const warnings: string[] = []
      const { config, connector } = opened
      const database = await openConnector(
        { database: config, poolMax: 2, accounts: null },
        (message) => warnings.push(message),
        { open: async () => ({ ...connector, close: async () => {} }) },
      )
      assert.equal(warnings.length, 1)
      assert.match(String(warnings[0]), /newer version .* 9000_labels\.compatible\.sql, marked/)
      const pool = new PipelinedPool(database)
      await pool.asUser('alice', insertTask(taskId(1), { title: 'x', description: null }))
      assert.ok(await pool.asUser('alice', findTask(taskId(1))))
      assert.equal(await pool.asUser('bob', findTask(taskId(1))), undefined)
      await pool.close()
    })

    for (const [what, broken, mended, says] of REFUSED) {
      it(`does not start with ${what}`, async () => {
        await admin(broken)
        await assert.rejects(proveWalls(opened.connector, [COMPATIBLE.name]), {
          name: 'WallError',
          message: says,
        })
        await admin(mended)
        await proveWalls(opened.connector, [COMPATIBLE.name])
      })
    }

    it('accepts none of the additions without such a migration', async () => {
      await assert.rejects(proveWalls(opened.connector), {
        name: 'WallError',
        message: /was added/,
      })
    })

    it('writes a backup that it does not restore, and says so', async () => {
      const file = join(await testFolder(), 'newer.backup')
      await backUp(opened.connector, file, () => {})
      const test = await openTestDatabase(kind)
      await assert.rejects(
        restoreBackup(test.connector, file, () => {}),
        {
          name: 'BackupError',
          message: /newer version .* 9000_labels\.compatible\.sql\)\. Restore it with that version/,
        },
      )
      await test.close()
    })

    it('does not start if a later one of them is not marked, and says what to do', async () => {
      const later = migration('9001_later.sql', 'select 1')
      await migrate(opened.connector, [...(await readMigrations()), COMPATIBLE, later])
      await assert.rejects(migrate(opened.connector), {
        name: 'MigrationError',
        message: /9001_later\.sql, which this version does not know, .* npm run restore -- <file>$/,
      })
    })
  })
}
