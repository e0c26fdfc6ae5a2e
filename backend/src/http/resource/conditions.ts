import type { FastifyRequest } from 'fastify'
import type { Stored } from '../../models/stored.ts'

/**
 * An entity tag (RFC 9110 §8.8.3) with the comma behind it, or the end of the list. Elements of a list may be empty
 * (§5.6.1): one match takes all commas, because a batch can have a million of them.
 */
const ELEMENT = /[ \t,]*(?:(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)|$)/y

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
  return tagsIn(header).includes(version)
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
  return tagsIn(header).filter(isVersion)
}

/** @returns the tags of a list without the `W/` of weak ones. A list that is malformed anywhere has none. */
function tagsIn(header: string): string[] {
  const tags: string[] = []
  ELEMENT.lastIndex = 0
  while (ELEMENT.lastIndex < header.length) {
    const element = ELEMENT.exec(header)
    if (element === null) return []
    if (element[1] !== undefined) tags.push(element[1])
  }
  return tags
}

/** Other tags cannot match any version, and PostgreSQL could not parse them as timestamps. */
function isVersion(tag: string): boolean {
  const instant = new Date(tag)
  // JavaScript allows the year 0 and years of six digits. PostgreSQL does not parse them.
  if (!/^(?!0000)\d{4}-/.test(tag)) return false
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === tag
}
