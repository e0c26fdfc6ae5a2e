import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Explains an error of the file system that another owner, mode or mount would prevent. Volumes, bind mounts and
 * secrets often belong to root, and the server in its image does not run as root.
 *
 * @returns sentences, each with a space before it; an empty text for other errors.
 */
export function accessRemedy(cause: unknown): string {
  const { code, path } = (cause instanceof Error ? cause : {}) as NodeJS.ErrnoException
  if (code === 'EISDIR') return ' It is a folder.'
  if (code === 'EROFS') return ' The file system is read-only: mount a volume there.'
  const uid = process.geteuid?.()
  const found = code === 'EACCES' && path !== undefined ? nearest(path) : undefined
  if (found === undefined || uid === undefined) return ''
  const { place, owner } = found
  if (owner.uid === uid) {
    const mode = (owner.mode & 0o777).toString(8)
    return ` ${place} has the mode ${mode}, which denies access to its owner: chmod u+rwX ${place}.`
  }
  const to = `${uid}:${process.getegid?.()}`
  return ` ${place} belongs to user ${owner.uid}, and this process runs as user ${uid}. Give it to that user (for a mount, on the host): chown -R ${to} ${place}.`
}

/** @returns the path, or the closest one above it that exists and can be seen: that one denies the access. */
function nearest(path: string): { place: string; owner: Stats } | undefined {
  try {
    return { place: path, owner: statSync(path) }
  } catch {
    return dirname(path) === path ? undefined : nearest(dirname(path))
  }
}
