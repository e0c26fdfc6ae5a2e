import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { syncFile, syncFolder } from '../sync.ts'
import { openPglite } from './open-pglite.ts'

/** A program that creates an embedded database in the given folder, which must not exist yet. */
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('Usage: make-cluster.ts <directory>')
await (await openPglite(new NodeFS(directory))).close()
// One sync of each file at the end is much faster than PostgreSQL's many.
for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  await (entry.isDirectory() ? syncFolder(path) : syncFile(path))
}
await syncFolder(directory)
