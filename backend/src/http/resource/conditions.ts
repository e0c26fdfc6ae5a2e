import type { FastifyRequest } from 'fastify'
import type { Stored } from '../../models/stored.ts'

/** An entity tag (RFC 9110 §8.8.3), without the `W/` of a weak one. */
const ENTITY_TAG = /"([\x21\x23-\x7e\x80-\xff]*)"/g

/** The strong entity tag: the version, which changes with every change of it. */
export function etagOf({ version }: Pick<Stored, 'version'>): string {
  return `"${version}"`
}

/** Whether `If-None-Match` names this very version (weak comparison, RFC 9110 §13.1.2). */
export function isNotModified(
  request: FastifyRequest,
  { version }: Pick<Stored, 'version'>,
): boolean {
  const header = request.headers['if-none-match']
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return [...header.matchAll(ENTITY_TAG)].some(([, tag]) => tag === version)
}

/**
 * The versions `If-Match` allows. Undefined without the header and for `*`, since a missing row is a 404
 * anyway. RFC 9110 §13.1.1 compares strongly, but proxies that compress responses make our tags weak. The
 * version is still in them, so a weak tag counts as well.
 */
export function requiredVersions(request: FastifyRequest): readonly string[] | undefined {
  return versionsIn(request.headers['if-match'])
}

/** The same for the text of an `If-Match`, which the operation of a batch has. */
export function versionsIn(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  return [...header.matchAll(ENTITY_TAG)].flatMap(([, tag]) =>
    tag !== undefined && isVersion(tag) ? tag : [],
  )
}

/** Other tags cannot match any task, and PostgreSQL could not parse them as timestamps. */
function isVersion(tag: string): boolean {
  const instant = new Date(tag)
  // JavaScript allows the year 0 and years of six digits. PostgreSQL does not parse them.
  if (!/^(?!0000)\d{4}-/.test(tag)) return false
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === tag
}
