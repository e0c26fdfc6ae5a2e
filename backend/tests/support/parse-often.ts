/**
 * Opens the embedded database in the given folder and has it parse so many statements that V8 would optimize the parser.
 * Prints the most memory that the process has taken, in MiB.
 */
import { withDirectClient } from '../../src/database/direct.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'

const STATEMENTS = 1_000

const connector = await connectPglite(process.argv[2] ?? '')
await withDirectClient(connector.direct, async (client) => {
  for (let n = 0; n < STATEMENTS; n += 1) {
    await client.query(`select ${Array.from({ length: 50 }, () => `'${n}' || 'x'`).join()}`)
  }
})
await connector.close()
console.log(`most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
