const ELLIPSIS = '…'
const ELLIPSIS_BYTES = 3

/**
 * Truncates a text so that its JSON, without the quotes, has at most `mostBytes` bytes.
 *
 * @returns the text unchanged if it fits; otherwise its beginning and an ellipsis.
 */
export function shorten(text: string, mostBytes: number): string {
  // A character has at most six bytes, as an escape.
  if (text.length * 6 <= mostBytes) return text
  if (text.length <= mostBytes && bytesOf(text) <= mostBytes) return text
  let end = Math.min(text.length, mostBytes - ELLIPSIS_BYTES)
  while (bytesOf(text.slice(0, end)) > mostBytes - ELLIPSIS_BYTES) end = Math.floor(end * 0.9)
  const half = /[\ud800-\udbff]$/.test(text.slice(0, end))
  return text.slice(0, half ? end - 1 : end) + ELLIPSIS
}

function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2
}
