import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../core/errors.ts'
import { countHeader } from './raw-headers.ts'

const UTF8_JSON = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i

/**
 * Takes JSON in UTF-8 and nothing else. Fastify alone would read any charset as UTF-8, replace what
 * is ill-formed, take text/plain, and ignore Content-Encoding.
 */
export function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
    // Node keeps the first of several types and hides the others.
    const several = countHeader(request, 'content-type') > 1
    if (several || !UTF8_JSON.test(type) || encoding.toLowerCase() !== 'identity') {
      return done(new AppError('unsupported_media_type'))
    }
    try {
      done(null, parse(Buffer.from(body)))
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
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
