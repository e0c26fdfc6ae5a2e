/** Users are not isolated on this database. The message gives the reason and the repair. */
export class WallError extends Error {
  override name = 'WallError'
}
