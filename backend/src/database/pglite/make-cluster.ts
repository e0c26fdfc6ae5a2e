import { openPglite } from './open-pglite.ts'

/** A program that creates an embedded database in the given folder, which must not exist yet. */
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('Usage: make-cluster.ts <directory>')
await (await openPglite(directory)).close()
