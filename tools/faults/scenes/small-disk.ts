import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NotTried, type Scene } from '../fault.ts'

const PIECE = Buffer.alloc(65_536, 1)

/** A file system in memory that a fault can fill completely. */
export interface SmallDisk {
  readonly folder: string
  fill(): void
  free(): void
  close(): void
}

/**
 * Opens a scene on a small disk. Closing the scene also removes the disk.
 *
 * @throws {NotTried}
 */
export async function onSmallDisk<Place extends Scene>(
  megabytes: number,
  open: (disk: SmallDisk) => Promise<Place>,
): Promise<Place & { readonly disk: SmallDisk }> {
  const disk = mountSmallDisk(megabytes)
  const scene = await open(disk).catch((error) => {
    disk.close()
    throw error
  })
  const { close } = scene
  return Object.assign(scene, {
    disk,
    close: async () => {
      await close()
      disk.close()
    },
  })
}

/** @throws {NotTried} if this process may not mount file systems. */
function mountSmallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'todo-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
      stdio: 'ignore',
    })
  } catch {
    rmdirSync(folder)
    throw new NotTried('a small disk needs the right to mount one')
  }
  chmodSync(folder, 0o755)
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => {
      const file = openSync(filler, 'a')
      try {
        for (let bytes = PIECE.length; bytes >= 1; bytes = Math.floor(bytes / 2)) {
          while (written(file, bytes)) {}
        }
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    close: () => {
      execFileSync('umount', ['-l', folder])
      rmdirSync(folder)
    },
  }
}

function written(file: number, bytes: number): boolean {
  try {
    return writeSync(file, PIECE, 0, bytes) === bytes
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}
