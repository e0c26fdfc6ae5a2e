/**
 * Opens the embedded database in the given folder and has it parse a number of statements, by default as many as make V8
 * optimize the parser.
 * Prints the most memory that the process has taken, in MiB.
 */
import { withDirectClient } from '../../src/database/direct.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'

const [, , folder = '', statements = '1000'] = process.argv

const connector = await connectPglite(folder)
await withDirectClient(connector.direct, async (client) => {
  for (let n = 0; n < Number(statements); n += 1) {
    await client.query(`select ${Array.from({ length: 50 }, () => `'${n}' || 'x'`).join()}`)
  }
})
await connector.close()
console.log(`most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
