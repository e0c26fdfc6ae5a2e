import { open } from 'node:fs/promises'

/** The errors of file systems that cannot sync a folder, or open one for it. */
const UNSUPPORTED = ['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM']

/** Syncs a file to the disk: its content, and its name on journaling file systems. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Syncs the names in a folder to the disk, where the file system can do that. */
export async function syncFolder(path: string): Promise<void> {
  await syncFile(path).catch((error: NodeJS.ErrnoException) => {
    if (!UNSUPPORTED.includes(error.code ?? '')) throw error
  })
}
