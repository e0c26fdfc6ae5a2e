import { type Embedded, openEmbedded } from './embedded.ts'
import { onSmallDisk, type SmallDisk } from './small-disk.ts'

export interface EmbeddedOnSmallDisk extends Embedded {
  readonly disk: SmallDisk
}

const MEGABYTES = 256

/** @throws {NotTried} */
export function openEmbeddedOnSmallDisk(): Promise<EmbeddedOnSmallDisk> {
  return onSmallDisk(MEGABYTES, openEmbedded)
}
