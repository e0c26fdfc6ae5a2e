/** Registers the service worker, and observes its new versions. */

export interface NewVersion {
  /** Uses the new version in all tabs, and loads this one again. */
  use(): void
}

/**
 * Registers the service worker of the build. In development, and where browsers allow none (plain http on another
 * machine), it does nothing.
 *
 * @param found called when a new version waits for consent.
 */
export async function registerServiceWorker(found: (version: NewVersion) => void): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  // The files that it stores must not delay those that the page waits for.
  if (document.readyState !== 'complete') {
    await new Promise((loaded) => window.addEventListener('load', loaded, { once: true }))
  }
  const { serviceWorker } = navigator
  const registration = await serviceWorker.register(new URL('sw.js', document.baseURI))
  const offer = (worker: ServiceWorker) => {
    found({
      use: () => {
        serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
        worker.postMessage({ type: 'use-new-version' })
      },
    })
  }
  const observe = (worker: ServiceWorker | null) => {
    worker?.addEventListener('statechange', () => {
      // Without a controller it is the first version, which replaces nothing.
      if (worker.state === 'installed' && serviceWorker.controller !== null) offer(worker)
    })
  }
  if (registration.waiting !== null) offer(registration.waiting)
  observe(registration.installing)
  registration.addEventListener('updatefound', () => observe(registration.installing))
  // Browsers look for a new version when a view is loaded. A tab may stay open for weeks.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration.update().catch(() => {})
  })
}
