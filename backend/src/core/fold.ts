const IS_ASCII = /^[\0-\x7f]*$/
const MARKS = /\p{M}+/gu

/**
 * @returns the text without differences in letter case and accents, for search and for the order of titles: its
 *   compatibility decomposition (NFKD) without marks, in lower case. The function `todo.folded` of the database
 *   gives the same.
 */
export function fold(text: string): string {
  if (IS_ASCII.test(text)) return text.toLowerCase()
  // JavaScript writes a sigma at the end of a word as ς. The end of a word in a query is not one in the text.
  return text.normalize('NFKD').replace(MARKS, '').toLowerCase().replaceAll('ς', 'σ')
}
