import { type Embedded, openEmbedded } from './embedded.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export interface EmbeddedOnSmallDisk extends Embedded {
  readonly disk: SmallDisk
}

const MEGABYTES = 256

/** @throws {NotTried} */
export async function openEmbeddedOnSmallDisk(): Promise<EmbeddedOnSmallDisk> {
  const disk = mountSmallDisk(MEGABYTES)
  const scene = await openEmbedded(disk).catch((error) => {
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
