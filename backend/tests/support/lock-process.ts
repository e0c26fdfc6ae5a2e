import { createInterface } from 'node:readline'
import type { FolderLock } from '../../src/database/pglite/held-folder.ts'
import { type LockOptions, takeLock } from '../../src/database/pglite/lock-file.ts'

/**
 * A program: each line `take <directory>`, `take without locks <directory>` or `release` on standard
 * input is done, and answered with a line. Given `{"noLocks":true}` it is on a system that has no locks. It ends when it loses a
 * folder, as the server does.
 */
const NO_LOCKS: LockOptions = { takeFileLock: () => 'unavailable' }
const { noLocks, times } = JSON.parse(process.argv[2] ?? '{}') as {
  noLocks?: boolean
  times?: LockOptions['times']
} // given by a test
const options: LockOptions = {
  ...(times && { times }),
  ...(noLocks && NO_LOCKS),
}
let held: FolderLock | undefined

async function take(directory: string, options: LockOptions): Promise<string> {
  try {
    const lock = await takeLock(directory, options)
    lock.lost.then(({ message }) => {
      console.log(`lost: ${message}`)
      process.exit(1)
    })
    held = lock
    return 'held'
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : error}`
  }
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [, without, directory] = /^take (without locks )?(.*)$/.exec(line) ?? []
    if (directory !== undefined) {
      return console.log(await take(directory, without ? { ...options, ...NO_LOCKS } : options))
    }
    held?.release()
    held = undefined
    console.log('released')
  })
  .on('close', () => process.exit(0))
console.log(`ready ${process.pid}`)
