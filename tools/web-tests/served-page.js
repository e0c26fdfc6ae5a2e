// Runs in Chromium, before the page itself. Each function returns values that JSON can carry.

addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  console.error(`refused: ${violatedDirective} ${blockedURI}`)
})

globalThis.served = {
  isShown: () => document.getElementById('root')?.hasChildNodes() === true,

  /** What `otherVersion` of the test changes. */
  description: () => document.querySelector('meta[name=description]').content,

  /** The status and the address of what the manifest names. */
  async manifest() {
    const { href } = document.querySelector('link[rel=manifest]')
    const { start_url, icons } = await (await fetch(href)).json()
    const urls = [start_url, ...icons.map(({ src }) => src)]
    const responses = await Promise.all(urls.map((url) => fetch(new URL(url, href))))
    return responses.map(({ status, url }) => `${status} ${url}`)
  },

  /** The address of the service worker, as soon as the page has one. */
  async controller() {
    const { serviceWorker } = navigator
    while (serviceWorker.controller === null) await once(serviceWorker, 'controllerchange')
    return serviceWorker.controller.scriptURL
  },

  /** Which requests to these paths got a response. */
  async responses(paths) {
    const all = await Promise.allSettled(paths.map((path) => fetch(path)))
    return all.map(({ status }) => status)
  },

  /** Looks for a new version. @returns its state when it is installed. */
  async newVersion() {
    const registration = await navigator.serviceWorker.ready
    const found = once(registration, 'updatefound')
    await registration.update()
    await found
    const worker = registration.installing
    while (worker?.state === 'installing') await once(worker, 'statechange')
    return registration.waiting?.state
  },

  /** What the page has left in the browser. */
  async installed() {
    const workers = await navigator.serviceWorker.getRegistrations()
    return { workers: workers.length, caches: await caches.keys() }
  },

  async useNewVersion() {
    const { waiting } = await navigator.serviceWorker.ready
    const changed = once(navigator.serviceWorker, 'controllerchange')
    waiting.postMessage({ type: 'use-new-version' })
    await changed
    while (waiting.state !== 'activated') await once(waiting, 'statechange')
    return caches.keys()
  },
}

function once(target, type) {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }))
}
