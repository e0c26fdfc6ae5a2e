import { type OnPostgres, openOnPostgres } from './on-postgres.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export interface OnSmallDisk extends OnPostgres {
  readonly disk: SmallDisk
}

const MEGABYTES = 192

/** @throws {NotTried} */
export async function openOnSmallDisk(): Promise<OnSmallDisk> {
  const disk = mountSmallDisk(MEGABYTES)
  const scene = await openOnPostgres({
    postgresFolder: disk.folder,
    postgresSettings: ['max_wal_size=32MB', 'min_wal_size=32MB'],
  }).catch((error) => {
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
