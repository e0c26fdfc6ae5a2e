/**
 * A message to another thread copies all memory behind a view, and Node keeps small buffers in blocks of 64 KB
 * (`Buffer.poolSize`).
 *
 * @returns the same bytes in memory of their own length.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
