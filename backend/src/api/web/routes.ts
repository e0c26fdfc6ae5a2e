import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { acceptedCoding, varyBy } from '../../http/protocol/accept.ts'
import { etagOf, isNotModified } from '../../http/resource/conditions.ts'
import type { Page, PageFile } from './page.ts'
import { VIEWS } from './views.ts'

/**
 * The style that React Aria inserts on iOS while a dialog is open, so that the page behind it does not scroll
 * (`usePreventScroll`). The hash permits this text alone.
 */
const SCROLL_LOCK = "'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='"

/** The page loads only files of this server, and no inline scripts. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' ${SCROLL_LOCK}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  // The address of the view for a new password contains a secret.
  'referrer-policy': 'same-origin',
}

/** Serves the page (contract §4): one route for each file, and one for each view. */
export const web: FastifyPluginAsync<{ page: Page }> = async (app, { page }) => {
  const options = { schema: { hide: true }, config: { access: 'public' } } as const
  const personal = { ...options, config: { ...options.config, personal: true } } as const
  for (const file of page.files) {
    app.get(file.path, options, (request, reply) => sendFile(file, request, reply))
  }
  for (const view of VIEWS) {
    app.get(view, view.includes(':') ? personal : options, (request, reply) =>
      sendFile(page.shell, request, reply),
    )
  }
}

/** @returns a function that sends the page for the home resource, which other clients get as JSON. */
export function sendPage({ shell }: Page) {
  return (request: FastifyRequest, reply: FastifyReply) => sendFile(shell, request, reply)
}

function sendFile(
  { type, cacheControl, identity, compressed }: PageFile,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const coding = acceptedCoding(request.headers['accept-encoding'], compressed.keys())
  const { bytes, version } = (coding !== 'identity' && compressed.get(coding)) || identity
  reply.headers({ ...HEADERS, 'cache-control': cacheControl, etag: etagOf({ version }) })
  varyBy(reply, 'Accept-Encoding')
  if (isNotModified(request, { version })) return reply.code(304).send()
  if (coding !== 'identity') reply.header('content-encoding', coding)
  return reply.type(type).send(bytes)
}
