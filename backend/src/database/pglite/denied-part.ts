import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMissing } from '../../core/missing-file.ts'

const { R_OK, W_OK, X_OK } = constants

/**
 * Looks for a part of a data folder that this process may not read or write. PGlite reports such a part like a
 * damaged one, or not at all.
 *
 * @returns the error of the file system, which names the part; undefined if it may use all of it.
 */
export function deniedPart(path: string): unknown {
  try {
    const isFolder = statSync(path).isDirectory()
    accessSync(path, isFolder ? R_OK | W_OK | X_OK : R_OK | W_OK)
    if (!isFolder) return undefined
    for (const name of readdirSync(path)) {
      const denied = deniedPart(join(path, name))
      if (denied !== undefined) return denied
    }
    return undefined
  } catch (error) {
    // A part that is missing is not denied.
    return isMissing(error) ? undefined : error
  }
}

/** @returns why a missing folder cannot be created: Node says ENOENT also on a read-only file system. */
export function deniedParent(path: string): unknown {
  const parent = dirname(path)
  try {
    accessSync(parent, W_OK | X_OK)
    return undefined
  } catch (error) {
    if (!isMissing(error)) return error
    return parent === dirname(parent) ? undefined : deniedParent(parent)
  }
}
