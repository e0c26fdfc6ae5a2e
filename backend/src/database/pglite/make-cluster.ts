import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { openPglite } from './open-pglite.ts'

/** A program that creates an embedded database in the given folder, which must not exist yet. */
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('Usage: make-cluster.ts <directory>')
await (await openPglite(new NodeFS(directory))).close()
// One sync of each file at the end is much faster than PostgreSQL's many.
await sync(directory)
for (const entry of await readdir(directory, { recursive: true }))
  await sync(join(directory, entry))

async function sync(path: string): Promise<void> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    await file.sync()
  } finally {
    await file?.close()
  }
}
