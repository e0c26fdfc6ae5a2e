import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { countHeader } from './raw-headers.ts'

/** More than any valid Content-Type needs; clients usually send about 30 characters. */
const TYPE_CHARACTERS = 256
const UTF8_CHARSET = /^charset\s*=\s*"?utf-8"?$/i

/** The media types of a JSON merge patch (RFC 7396): its own, and that of all other bodies. */
export const MERGE_PATCH_TYPES = ['application/json', 'application/merge-patch+json'] as const

type JsonType = (typeof MERGE_PATCH_TYPES)[number]

/**
 * Accepts only JSON in UTF-8 (RFC 8259 §8.1). By default Fastify reads every charset as UTF-8, replaces
 * ill-formed bytes, accepts text/plain, and ignores Content-Encoding.
 */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  acceptJson(app, 'application/json')
}

/**
 * Accepts JSON in UTF-8 under this media type. Fastify keeps parsers per plugin, so only the routes of a
 * plugin that calls this accept the type.
 */
export function acceptJson(app: FastifyInstance, jsonType: JsonType): void {
  app.addContentTypeParser(jsonType, { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
    // Node keeps only the first of several Content-Type headers.
    const several = countHeader(request, 'content-type') > 1
    if (several || !isUtf8Json(type, jsonType) || encoding.toLowerCase() !== 'identity') {
      return done(new AppError('unsupported_media_type'))
    }
    try {
      done(null, parse(Buffer.from(body)))
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/**
 * Whether a Content-Type is this JSON type with charset UTF-8 or without a charset. It is split at its semicolons,
 * because a single regular expression would backtrack over the white space between its parts.
 */
function isUtf8Json(header: string, jsonType: JsonType): boolean {
  if (header.length > TYPE_CHARACTERS) return false
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim())
  if (parameters.at(-1) === '') parameters.pop()
  const [charset = 'charset=utf-8', ...others] = parameters
  return type.toLowerCase() === jsonType && others.length === 0 && UTF8_CHARSET.test(charset)
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined
  if (!isUtf8(body)) throw new AppError('bad_request', { detail: 'The body is not UTF-8' })
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new AppError('bad_request', { detail: 'The body is not JSON', cause })
  }
}
