import { type OnPostgres, openOnPostgres } from './on-postgres.ts'
import { onSmallDisk, type SmallDisk } from './small-disk.ts'

export interface OnSmallDisk extends OnPostgres {
  readonly disk: SmallDisk
}

const MEGABYTES = 192

/** @throws {NotTried} */
export function openOnSmallDisk(): Promise<OnSmallDisk> {
  return onSmallDisk(MEGABYTES, ({ folder }) =>
    openOnPostgres({
      postgresFolder: folder,
      postgresSettings: ['max_wal_size=32MB', 'min_wal_size=32MB'],
    }),
  )
}
