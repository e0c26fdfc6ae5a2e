import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { exportUser } from '../database/backup/export-user.ts'
import { connectBeside, refuseMissing } from '../database/connect.ts'
import { withDirectClient } from '../database/direct.ts'
import { printLine } from './output.ts'

const USAGE = 'Usage: npm run export -- <email or id> [--id]'

/** `npm run export -- <email or id> [--id]`: writes all data of one person to standard output. */
try {
  const { positionals, flags } = readArguments({ usage: USAGE, flags: ['id'], least: 1, most: 1 })
  const [who = ''] = positionals
  const isId = flags.has('id')
  const config = loadConfig()
  refuseMissing(config)
  const connector = await connectBeside(config, console.error)
  try {
    // Printing may take as long as a pager is open. All users of an embedded server would wait for it.
    const lines: string[] = []
    await withDirectClient(connector.direct, async (client) => {
      for await (const line of exportUser(client, who, { isId })) lines.push(line)
    })
    for (const line of lines) await printLine(line)
  } finally {
    await connector.close()
  }
} catch (error) {
  endWithReason(error)
}
