/** Whether a text is a user id: 1 to 255 code points without U+0000 and lone surrogates. */
export function isUserId(value: string): boolean {
  // 255 code points have at most 510 UTF-16 code units, so long texts need not be counted.
  if (value.length === 0 || value.length > 510) return false
  if (value.includes('\0') || !value.isWellFormed()) return false
  return value.length <= 255 || [...value].length <= 255
}
