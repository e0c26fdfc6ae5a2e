import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { restoreBackup } from '../database/backup/restore-backup.ts'
import { connect } from '../database/connect.ts'
import { describeCounts, reportProgress } from './progress.ts'

const USAGE = 'Usage: npm run restore -- <file>'

/** `npm run restore -- <file>`: restores a backup into an empty database. */
try {
  const [file = ''] = readArguments({ usage: USAGE, least: 1, most: 1 }).positionals
  const connector = await connect(loadConfig(), console.error)
  try {
    const { rows, byTable } = await restoreBackup(connector, file, reportProgress('Restoring'))
    console.log(`Restored ${rows} rows from ${file} into ${connector.description}:`)
    console.log(describeCounts(byTable))
  } finally {
    await connector.close()
  }
} catch (error) {
  endWithReason(error)
}
