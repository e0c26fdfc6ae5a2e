import { accessRemedy } from '../access-remedy.ts'
import { ConfigError } from './settings.ts'

/** @returns the error for a data folder that is not a folder, or that this process may not use. */
export function unusableFolder(directory: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError(
    `The folder ${directory} cannot be used: ${reason}.${accessRemedy(cause)} Name another: DATABASE_URL=pglite:<directory>`,
  )
}
