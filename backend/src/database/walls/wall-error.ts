/** Row level security does not keep users apart on this database. The message says why. */
export class WallError extends Error {
  override name = 'WallError'
}
