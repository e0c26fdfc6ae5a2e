import type { FastifyRequest } from 'fastify'

/**
 * How often a header was sent. Node keeps the first of several Host, Authorization or Content-Type
 * headers and hides the others.
 *
 * @param name in lower case.
 */
export function countHeader({ raw: { rawHeaders } }: FastifyRequest, name: string): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at]
    if (header?.length === name.length && header.toLowerCase() === name) count += 1
  }
  return count
}
