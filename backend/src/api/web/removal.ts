import type { FastifyPluginAsync } from 'fastify'

/**
 * A service worker that removes the one of the page and what it has stored, then loads the open tabs again. The names of
 * the caches are those of `web/src/service-worker.ts`. Tasks on the device stay.
 */
const REMOVAL = `
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(remove()))

async function remove() {
  const prefix = 'page-' + new URL('./', self.location.href).pathname + ':'
  const names = (await caches.keys()).filter((name) => name.startsWith(prefix))
  await Promise.all(names.map((name) => caches.delete(name)))
  await self.registration.unregister()
  for (const tab of await self.clients.matchAll({ type: 'window' })) await tab.navigate(tab.url)
}
`

/**
 * Serves, in place of the page, a service worker that removes itself. Browsers keep a service worker whose script is
 * 404 (Service Workers §"Update"), so the page would stay in every browser that has opened it.
 */
export const webRemoval: FastifyPluginAsync = async (app) => {
  app.get('/sw.js', { schema: { hide: true }, config: { access: 'public' } }, (_, reply) =>
    reply
      .headers({ 'cache-control': 'no-cache', 'content-security-policy': "default-src 'none'" })
      .type('text/javascript; charset=utf-8')
      .send(REMOVAL),
  )
}
