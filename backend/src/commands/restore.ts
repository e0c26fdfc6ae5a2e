import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { checkBackup, restoreChecked } from '../database/backup/restore-backup.ts'
import { connect, refuseMemory } from '../database/connect.ts'
import { describeCounts, reportProgress } from './progress.ts'

const USAGE = 'Usage: npm run restore -- <file>'

/** `npm run restore -- <file>`: restores a backup into an empty database. */
try {
  const [file = ''] = readArguments({ usage: USAGE, least: 1, most: 1 }).positionals
  const config = loadConfig()
  refuseMemory(config)
  // Before the database is opened, because that creates a new folder.
  const header = await checkBackup(file)
  const connector = await connect(config, console.error)
  try {
    const { rows, byTable } = await restoreChecked(
      connector,
      file,
      header,
      reportProgress('Restoring'),
    )
    console.log(`Restored ${rows} rows from ${file} into ${connector.description}:`)
    console.log(describeCounts(byTable))
  } finally {
    await connector.close()
  }
} catch (error) {
  endWithReason(error)
}
