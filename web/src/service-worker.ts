/**
 * Keeps one complete build of the page, so that it opens without a connection. It responds only to requests for views
 * and for files of that build. All others, and everything below `api/`, go to the server as if it did not exist.
 *
 * A new build is installed beside the present one. It takes over when the page sends `{ type: 'use-new-version' }`,
 * or when no tab of the page is open.
 */
import { isView } from './views.ts'

declare const self: ServiceWorkerGlobalScope
/** The files of the build, relative to the base. The build writes the list here. */
declare const __FILES__: readonly string[]
/** A hash of all files of the build. */
declare const __BUILD__: string

/** Ends with a slash: the server serves this file at the base. */
const BASE = new URL('./', self.location.href).href
/** With the path, because several servers can share an origin below different paths. */
const PREFIX = `page-${new URL(BASE).pathname}:`
const CACHE = PREFIX + __BUILD__
/** The shell. The address of the base would be JSON without `Accept: text/html`. */
const SHELL = 'index.html'
const files = new Set(__FILES__)

self.addEventListener('install', (event) => {
  event.waitUntil(install())
})

self.addEventListener('activate', (event) => {
  event.waitUntil(removeOthers())
})

self.addEventListener('message', ({ data }) => {
  if (data?.type === 'use-new-version') void self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || !request.url.startsWith(BASE)) return
  const path = request.url.slice(BASE.length).split(/[?#]/, 1)[0] ?? ''
  if (request.mode === 'navigate' && isView(path)) event.respondWith(stored(SHELL, request))
  else if (files.has(path)) event.respondWith(stored(path, request))
})

async function install(): Promise<void> {
  const cache = await caches.open(CACHE)
  // Hashed names never change. Other files must not come from the cache of HTTP.
  await cache.addAll(
    __FILES__.map(
      (path) =>
        new Request(BASE + path, { cache: path.startsWith('assets/') ? 'default' : 'reload' }),
    ),
  )
}

async function removeOthers(): Promise<void> {
  const names = await caches.keys()
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE)
  await Promise.all(old.map((name) => caches.delete(name)))
  // The first build takes over the tab that installed it, so that it works offline from the first visit on.
  await self.clients.claim()
}

async function stored(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  // The browser may have deleted the cache.
  return (await cache.match(BASE + path, { ignoreVary: true })) ?? fetch(request)
}
