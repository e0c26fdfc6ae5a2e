import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { connect } from '../database/connect.ts'
import { describeNewer } from '../database/migrate/history.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { repair } from '../database/walls/repair.ts'

/** `npm run migrate`: applies this version's migrations to the database, without serving. */
try {
  readArguments({ usage: 'Usage: npm run migrate' })
  const connector = await connect(loadConfig())
  try {
    const foundNewer = (names: string[]) => console.log(describeNewer(names))
    const applied = await migrate(connector, undefined, { foundNewer })
    console.log(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'Nothing to apply')
    const repaired = await repair(connector)
    for (const statement of repaired) console.log(`Repaired: ${statement}`)
  } finally {
    await connector.close()
  }
} catch (error) {
  endWithReason(error)
}
