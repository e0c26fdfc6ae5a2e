import { statSync } from 'node:fs'
import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { assertUsable, backUp } from '../database/backup/backup-file.ts'
import { openSnapshot } from '../database/backup/snapshot.ts'
import { connect, refuseMissing } from '../database/connect.ts'
import type { Connector } from '../database/connector.ts'
import { connectThroughServer } from '../database/pglite/control-socket.ts'
import { describeCounts, reportProgress } from './progress.ts'

const USAGE = 'Usage: npm run backup -- <file>'

async function open(): Promise<Connector> {
  const config = loadConfig()
  const { database } = config
  refuseMissing(config)
  if (database.kind === 'pglite' && database.directory !== null) {
    const server = await connectThroughServer(database.directory)
    if (server !== undefined) return openSnapshot(database.directory, server)
  }
  return connect(config, console.error)
}

/** The exit codes that a shell gives these signals. `process.exit` calls the handlers that remove the unfinished file. */
const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const
for (const [signal, code] of SIGNALS) process.once(signal, () => process.exit(code))

/** `npm run backup -- <file>`: writes a consistent backup, also while the server runs. */
try {
  const [file = ''] = readArguments({ usage: USAGE, least: 1, most: 1 }).positionals
  assertUsable(file)
  const connector = await open()
  try {
    const { rows, byTable } = await backUp(connector, file, reportProgress('Backing up'))
    const kilobytes = Math.ceil(statSync(file).size / 1_000)
    console.log(`Backed up ${rows} rows to ${file} (${kilobytes} kB), read back and checked:`)
    console.log(describeCounts(byTable))
  } finally {
    await connector.close()
  }
} catch (error) {
  endWithReason(error)
}
