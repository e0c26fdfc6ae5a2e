import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Reads the secret that a server without `BETTER_AUTH_SECRET` uses, or creates it: 256 random bits in
 * base64url, in a file that only its owner can read.
 *
 * Two processes that start at once use the same secret: a hard link creates the complete file atomically,
 * and the second link fails.
 *
 * @returns the secret.
 * @throws {Error} of the file system if the file cannot be read or created.
 */
export function loadOrCreateSecret(file: string): string {
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  }
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return readFileSync(file, 'utf8').trim()
}
