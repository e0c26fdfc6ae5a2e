/** @returns the same text for texts that differ only in letter case, such as `Straße` and `STRASSE`. */
export function caseless(text: string): string {
  return text.toUpperCase().toLowerCase()
}
