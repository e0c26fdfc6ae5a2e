import type { FastifyRequest } from 'fastify'
import type { StoredTask } from '../../models/tasks/sql.ts'
import type { Versions } from '../../models/tasks/task.ts'

/** An entity tag of RFC 9110 §8.8.3; the first group is W/ where it is weak. */
const ENTITY_TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g

/** The strong entity tag of a task: the version, which changes with every change of it. */
export function etagOf({ version }: StoredTask): string {
  return `"${version}"`
}

/** Whether `If-None-Match` names this very task (weak comparison, RFC 9110 §13.1.2). */
export function isNotModified(request: FastifyRequest, { version }: StoredTask): boolean {
  const header = request.headers['if-none-match']
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return [...header.matchAll(ENTITY_TAG)].some(([, , tag]) => tag === version)
}

/**
 * The versions `If-Match` allows (strong comparison, RFC 9110 §13.1.1). Undefined without the header
 * and for `*`, since a task that is missing is a 404 anyway.
 */
export function requiredVersions(request: FastifyRequest): Versions {
  const header = request.headers['if-match']
  if (header === undefined || header.trim() === '*') return undefined
  return [...header.matchAll(ENTITY_TAG)].flatMap(([, weak, tag]) =>
    weak === undefined && tag !== undefined && isVersion(tag) ? tag : [],
  )
}

/** Anything else never was a version, and PostgreSQL could not read it as an instant. */
function isVersion(tag: string): boolean {
  const instant = new Date(tag)
  // JavaScript has a year 0 and years of six digits, PostgreSQL does not read them.
  if (!/^(?!0000)\d{4}-/.test(tag)) return false
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === tag
}
