import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { VIEWS } from '../../backend/src/api/web/views.ts'
import { NO_DATABASE, serve, startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { otherVersion, readBuilt, type Served, servePage } from './built-page.ts'
import { openBrowser } from './chromium.ts'
import { serveSite } from './site.ts'

const IN_PAGE = fileURLToPath(new URL('served-page.js', import.meta.url))
const TAG = '/tags/caf%C3%A9%2Fbar'
const VIEW_PATHS = ['', ...VIEWS.map((view) => view.replace('/tags/:tag', TAG))]
const SOME_PATHS = ['', '/inbox', TAG]

for (const [basePath, paths] of [
  ['', VIEW_PATHS],
  ['/a/todo', SOME_PATHS],
] as const) {
  describe(`the page as it is served below "${basePath}"`, () => {
    let browser: Browser
    let app: TestApp
    before(async () => {
      browser = await openBrowser()
      const page = await readBuilt(basePath)
      app = await startApp('pglite', { BASE_PATH: basePath }, undefined, {}, { page })
    })
    after(async () => {
      await browser.close()
      await app.close()
    })

    it('loads in every view from this server alone, without an error', async () => {
      const origin = `http://127.0.0.1:${app.port}`
      const context = await browser.newContext()
      const page = await context.newPage()
      // Each view comes from the server, also after the first one has installed the service worker.
      const session = await context.newCDPSession(page)
      await session.send('Network.enable')
      await session.send('Network.setBypassServiceWorker', { bypass: true })
      const faults: string[] = []
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) faults.push(message.text())
      })
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('request', (request) => {
        if (!request.url().startsWith(`${origin}${basePath}/`)) faults.push(request.url())
      })
      page.on('response', (response) => {
        if (response.url().includes('/api/')) return
        if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`)
      })
      await page.addInitScript({ path: IN_PAGE })
      for (const path of paths) {
        const response = await page.goto(`${origin}${basePath}/${path.slice(1)}`)
        assert.equal(response?.status(), 200, path)
        await page.waitForFunction('served.isShown()')
      }
      const installed: string[] = await page.evaluate('served.manifest()')
      assert.ok(installed.length > 3)
      for (const line of installed) assert.ok(line.startsWith(`200 ${origin}${basePath}/`), line)
      assert.deepEqual(faults, [])
      await context.close()
    })

    it('sends at most 230 KB before the page is complete', async () => {
      const context = await browser.newContext()
      const page = await context.newPage()
      let bytes = 0
      const sizes: Promise<void>[] = []
      page.on('requestfinished', (request) => {
        sizes.push(
          request.sizes().then(({ responseBodySize, responseHeadersSize }) => {
            bytes += responseBodySize + responseHeadersSize
          }),
        )
      })
      await page.goto(`http://127.0.0.1:${app.port}${basePath}/`, { waitUntil: 'networkidle' })
      await Promise.all(sizes)
      assert.ok(bytes > 10_000 && bytes <= 230_000, `${bytes} bytes`)
      await context.close()
    })
  })
}

for (const basePath of ['', '/todo']) {
  describe(`the service worker below "${basePath}"`, () => {
    let browser: Browser
    let context: BrowserContext
    let page: Page
    let first: Served
    let second: Served
    /** The server behind one origin, as after an update. */
    let current: Served
    let base: string
    let description: string

    before(async () => {
      browser = await openBrowser()
      first = await servePage(basePath)
      second = await servePage(basePath, await otherVersion('The new version'))
      current = first
      const port = await serveSite({}, (path) => new URL(path, `http://127.0.0.1:${current.port}`))
      base = `http://127.0.0.1:${port}${basePath}/`
      context = await browser.newContext()
      page = await context.newPage()
      await page.addInitScript({ path: IN_PAGE })
    })
    after(async () => {
      await browser.close()
      await first.close()
      await second.close()
    })

    it('controls the first page that installed it', async () => {
      await page.goto(`${base}inbox`)
      assert.equal(await page.evaluate('served.controller()'), `${base}sw.js`)
      description = await page.evaluate('served.description()')
      assert.ok(description.length > 10)
    })

    it('serves every view without a connection, and nothing else', async () => {
      await context.setOffline(true)
      for (const path of SOME_PATHS) {
        await page.goto(base + path.slice(1))
        await page.waitForFunction('served.isShown()')
        assert.equal(await page.evaluate('served.description()'), description, path)
      }
      for (const path of ['docs', 'nothing', 'inbox/', 'tags/a/b', 'api/auth/error']) {
        // In a tab of its own, which shows Chromium's page about it a moment later.
        const tab = await context.newPage()
        await assert.rejects(tab.goto(base + path), /ERR_INTERNET_DISCONNECTED/, path)
        await tab.close()
      }
      await page.goto(`${base}today?from=a-link#here`)
      const paths = JSON.stringify(['api/auth/get-session', 'livez', 'inbox/x'])
      const requests = await page.evaluate(`served.responses(${paths})`)
      assert.deepEqual(requests, ['rejected', 'rejected', 'rejected'])
      await context.setOffline(false)
    })

    it('keeps its version until the page consents to the new one', async () => {
      await page.goto(`${base}today`)
      current = second
      const waits = await page.evaluate('served.newVersion()')
      assert.equal(waits, 'installed')
      await page.goto(`${base}upcoming`)
      assert.equal(await page.evaluate('served.description()'), description)
      const caches = [`page-${new URL(base).pathname}:another-version`]
      assert.deepEqual(await page.evaluate('served.useNewVersion()'), caches)
      await page.goto(`${base}upcoming`)
      assert.equal(await page.evaluate('served.description()'), 'The new version')
      await context.setOffline(true)
      await page.goto(`${base}all`)
      assert.equal(await page.evaluate('served.description()'), 'The new version')
      await context.setOffline(false)
    })

    it('leaves browsers when the operator switches the page off', async () => {
      const off = await serve(NO_DATABASE, { BASE_PATH: basePath, WEB: 'off' })
      current = off
      await page.goto(`${base}inbox`)
      await page.getByText('"error":"not_found"').waitFor()
      assert.deepEqual(await page.evaluate('served.installed()'), { workers: 0, caches: [] })
      await off.close()
    })
  })
}
