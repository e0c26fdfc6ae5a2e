import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type OnPostgres, openOnPostgres } from './on-postgres.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MIGRATIONS = 'backend/src/database/migrate/migrations'

/** A server of this version on a database that newer versions migrate. */
export interface Versions extends OnPostgres {
  /** The folder of the servers' logs. */
  readonly folder: string
  /**
   * Creates a version with one more migration than the previous one.
   *
   * @returns the folder of its sources.
   */
  newerVersion(sql: string): string
}

export async function openVersions(): Promise<Versions> {
  const folder = mkdtempSync(join(tmpdir(), 'todo-versions-'))
  const sources = join(folder, 'sources')
  for (const name of ['backend/src', 'backend/package.json', 'scripts', 'package.json']) {
    cpSync(join(ROOT, name), join(sources, name), { recursive: true })
  }
  for (const name of ['node_modules', 'backend/node_modules']) {
    if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(sources, name))
  }
  let newer = 0
  const scene = await openOnPostgres()
  const { close } = scene
  return Object.assign(scene, {
    folder,
    newerVersion: (sql: string) => {
      newer += 1
      writeFileSync(join(sources, MIGRATIONS, `9${String(newer).padStart(3, '0')}_newer.sql`), sql)
      // The startup check needs the catalogue that its migrations create.
      execFileSync(process.execPath, [join(sources, 'backend/src/commands/catalogue.ts')])
      return sources
    },
    close: async () => {
      await close()
      rmSync(folder, { recursive: true })
    },
  })
}
