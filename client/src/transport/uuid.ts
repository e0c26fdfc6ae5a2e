/**
 * `crypto.randomUUID` is missing on pages without https, and makes no ids that sort by time.
 *
 * @returns a UUID of version 7 (RFC 9562 §5.7), which begins with a time in milliseconds since 1970.
 */
export function newUuid(ms: number): string {
  const time = Math.trunc(ms).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7xxx-9xxx-xxxxxxxxxxxx`.replace(/x/g, () => {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1))
    return (byte & 15).toString(16)
  })
}
