import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from './settings.ts'

/** @returns the error for a data folder that is not a folder, or that this process may not use. */
export function unusableFolder(directory: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError(
    `The folder ${directory} cannot be used: ${reason}. ${ownerRemedy(directory, cause)}Name another: DATABASE_URL=pglite:<directory>`,
  )
}

/** Volumes and bind mounts often belong to root, and the server in its image does not run as root. */
function ownerRemedy(directory: string, cause: unknown): string {
  const denied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
  const uid = process.geteuid?.()
  const found = denied ? nearest(directory) : undefined
  if (found === undefined || uid === undefined) return ''
  const { path, owner } = found
  const to = `${uid}:${process.getegid?.()}`
  return `${path} belongs to user ${owner.uid}, and the server runs as user ${uid}. Give it to the server (for a mount, on the host): chown -R ${to} ${path}. `
}

/** @returns the folder, or the closest one above it that exists and can be seen. */
function nearest(path: string): { path: string; owner: Stats } | undefined {
  try {
    return { path, owner: statSync(path) }
  } catch {
    return dirname(path) === path ? undefined : nearest(dirname(path))
  }
}
