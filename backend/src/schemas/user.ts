/** A user id has 1 to 255 characters (code points): any but U+0000, and no lone surrogates. */
export function isUserId(value: string): boolean {
  // 255 code points are 510 UTF-16 units at most, which spares counting for nearly every value.
  if (value.length === 0 || value.length > 510) return false
  if (value.includes('\0') || !value.isWellFormed()) return false
  return value.length <= 255 || [...value].length <= 255
}
