import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { PGlite as OlderPglite } from 'pglite-17'
import { POSTGRES_MAJOR } from '../../src/database/pglite/damaged-folder.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { embeddedFolder, testFolder } from '../support/databases.ts'

const segments = (cluster: string) =>
  readdirSync(join(cluster, 'pg_wal'))
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .map((name) => join(cluster, 'pg_wal', name))

const remove = (path: string) => rmSync(path, { recursive: true })

/** Damage to a cluster, and the reason in the message. */
const DAMAGE: [string, (cluster: string) => void, RegExp][] = [
  [
    'a log of zeros',
    (cluster) => {
      for (const file of segments(cluster)) {
        writeFileSync(file, Buffer.alloc(readFileSync(file).length))
      }
    },
    /could not locate a valid checkpoint record/,
  ],
  [
    'no log',
    (cluster) => segments(cluster).forEach(remove),
    /has no segment of the write-ahead log/,
  ],
  [
    'pg_control of zeros',
    (cluster) => writeFileSync(join(cluster, 'global/pg_control'), Buffer.alloc(8192)),
    /pg_control is empty/,
  ],
  [
    'another pg_control',
    (cluster) => writeFileSync(join(cluster, 'global/pg_control'), Buffer.alloc(8192, 7)),
    /pg_control|database files are incompatible|incorrect checksum/,
  ],
  [
    'no pg_control',
    (cluster) => remove(join(cluster, 'global/pg_control')),
    /pg_control is missing/,
  ],
  ['no PG_VERSION', (cluster) => remove(join(cluster, 'PG_VERSION')), /PG_VERSION is missing/],
  ['no tables', (cluster) => remove(join(cluster, 'base')), /base is missing/],
  ['no pg_xact', (cluster) => remove(join(cluster, 'pg_xact')), /pg_xact is missing/],
  [
    'no table of tables',
    (cluster) => {
      for (const database of readdirSync(join(cluster, 'base'))) {
        rmSync(join(cluster, 'base', database, '1259'), { force: true })
      }
    },
    /could not open file/,
  ],
  [
    'nothing in it',
    (cluster) => {
      remove(cluster)
      mkdirSync(cluster)
    },
    /is missing/,
  ],
  [
    'a file in its place',
    (cluster) => {
      remove(cluster)
      writeFileSync(cluster, 'x')
    },
    /is not a folder/,
  ],
]

/** Every file below a folder with its size; PostgreSQL may write into them before it finds the damage. */
const filesOf = (folder: string) => readdirSync(folder, { recursive: true }).length

/** Every file below a folder, with a hash of its content. */
const contentsOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((path) => [path, hash('sha256', readFileSync(path))])

describe('a damaged folder', () => {
  let whole: string
  before(async () => {
    whole = await embeddedFolder('migrated')
  })

  for (const [name, damage, reason] of DAMAGE) {
    it(`with ${name} ends with the reason, what to do, and no new database over it`, async () => {
      const folder = await testFolder()
      cpSync(whole, folder, { recursive: true })
      damage(join(folder, 'database'))
      const before = filesOf(folder)
      await assert.rejects(connectPglite(folder), (error: Error) => {
        assert.equal(error.name, 'DamagedFolderError')
        assert.match(error.message, reason)
        assert.match(error.message, /Keep a copy of the folder\. .*npm run restore/)
        assert.ok(!error.message.includes('\n'))
        return true
      })
      assert.ok(Math.abs(filesOf(folder) - before) <= 2)
    })
  }

  it('of an older PGlite names both versions and what to do, and is unchanged', async () => {
    const folder = await testFolder()
    const older = await OlderPglite.create(join(folder, 'database'))
    await older.exec(`create table kept (title text); insert into kept values ('buy milk')`)
    await older.close()
    const before = contentsOf(join(folder, 'database'))
    await assert.rejects(connectPglite(folder), (error: Error) => {
      assert.match(error.message, /created by PostgreSQL 17, .* contains PostgreSQL 18\./)
      assert.match(
        error.message,
        /npm run backup -- <file>\. .*pglite:<new folder> npm run restore/,
      )
      assert.ok(!error.message.includes('\n'))
      return true
    })
    assert.deepEqual(contentsOf(join(folder, 'database')), before)
  })

  it('that is a cluster itself is refused, names the folder above it, and is unchanged', async () => {
    const folder = await testFolder()
    cpSync(whole, folder, { recursive: true })
    const cluster = join(folder, 'database')
    const before = contentsOf(folder)
    await assert.rejects(connectPglite(cluster), (error: Error) => {
      assert.match(error.message, /contains the files of a PostgreSQL database itself/)
      assert.ok(error.message.includes(`pglite:${folder}. `))
      assert.ok(!error.message.includes('\n'))
      return true
    })
    assert.deepEqual(contentsOf(folder), before)
  })

  it('is not one that this version creates', () => {
    assert.equal(readFileSync(join(whole, 'database/PG_VERSION'), 'utf8').trim(), POSTGRES_MAJOR)
  })
})
