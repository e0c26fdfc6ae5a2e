import { createInterface } from 'node:readline'
import type { FolderLock } from '../../src/database/pglite/held-folder.ts'
import { type LockOptions, takeLock } from '../../src/database/pglite/lock-file.ts'

/**
 * A program: each line `take <directory>` or `release` on standard input is done, and answered with
 * a line. Given `{"noLocks":true}` it is on a system that has no locks. It ends when it loses a
 * folder, as the server does.
 */
const { noLocks, times } = JSON.parse(process.argv[2] ?? '{}') as {
  noLocks?: boolean
  times?: LockOptions['times']
} // given by a test
const options: LockOptions = {
  ...(times && { times }),
  ...(noLocks && { takeFileLock: () => 'unavailable' }),
}
let held: FolderLock | undefined

async function take(directory: string): Promise<string> {
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
    const directory = /^take (.*)$/.exec(line)?.[1]
    if (directory !== undefined) return console.log(await take(directory))
    held?.release()
    held = undefined
    console.log('released')
  })
  .on('close', () => process.exit(0))
console.log(`ready ${process.pid}`)
