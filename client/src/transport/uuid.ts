/**
 * `crypto.randomUUID` is missing on pages without https, and makes no ids that sort by time.
 *
 * @returns a UUID of version 7 (RFC 9562 §5.7), which begins with a time in milliseconds since 1970.
 */
export function newUuid(ms: number): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(10))]
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const time = Math.trunc(ms).toString(16).padStart(12, '0')
  const variant = '89ab'[(bytes[3] ?? 0) & 3]
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(3, 6)}-${hex.slice(8)}`
}
