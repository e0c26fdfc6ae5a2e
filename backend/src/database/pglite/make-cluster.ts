import { openPglite } from './open-pglite.ts'

/** A program: makes an embedded database in the folder it is given, which must not be there yet. */
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('Usage: make-cluster.ts <directory>')
await (await openPglite(directory)).close()
