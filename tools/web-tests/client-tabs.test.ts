import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { build, type Rolldown } from 'vite'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { openBrowser } from './chromium.ts'
import { serveSite } from './site.ts'

/** @returns tab.js and the client in one module. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('tab.js', import.meta.url))
  const built = await build({
    ...{ configFile: false, logLevel: 'silent' },
    build: { write: false, minify: false, lib: { entry, formats: ['es'] } },
  })
  const [{ output }] = built as [Rolldown.RolldownOutput] // of one format
  return output[0].code
}

describe('the client in two tabs', { timeout: 120_000 }, () => {
  let browser: Browser
  let app: TestApp
  let origin: string
  before(async () => {
    browser = await openBrowser()
    app = await startApp('pglite')
    origin = `http://127.0.0.1:${await serveSite({ '/tab.js': await bundle() })}`
  })
  after(async () => {
    await browser.close()
    await app.close()
  })

  const call = (page: Page, name: string, ...values: unknown[]) =>
    page.evaluate(`tab.${name}(...${JSON.stringify(values)})`)

  it('edits in both, offline and online, and the other one takes over', async () => {
    const context = await browser.newContext()
    const token = await app.token('tabs')
    const openTab = async () => {
      const page = await context.newPage()
      await page.goto(`${origin}/`)
      await page.evaluate(`import('/tab.js').then((all) => { globalThis.tab = all })`)
      await call(page, 'open', `http://127.0.0.1:${app.port}`, token, 'todo-tabs')
      return page
    }
    const titles = async () => {
      const { json } = await app.send('GET', '/api/tabs/tasks')
      return json.map(({ title }: { title: string }) => title).sort()
    }
    const bothShow = (all: string[], isSent: boolean) =>
      Promise.all([one, other].map((page) => call(page, 'shows', all, isSent)))

    const one = await openTab()
    await call(one, 'is', 'live')
    const other = await openTab()
    await call(other, 'is', 'follower')

    const create = (title: string) => [{ edit: 'create', task: { title } }]
    const { ids } = (await call(other, 'apply', create('Milk'))) as { ids: string[] }
    await bothShow(['Milk'], true)
    assert.deepEqual(await titles(), ['Milk'])

    await context.setOffline(true)
    const update = { edit: 'update', id: ids[0], change: { title: 'Oat milk' } }
    await call(one, 'apply', [update])
    await call(other, 'apply', create('Bread'))
    await bothShow(['Bread', 'Oat milk'], false)
    await call(one, 'is', 'offline')
    assert.deepEqual(await titles(), ['Milk'])
    await context.setOffline(false)
    await bothShow(['Bread', 'Oat milk'], true)
    assert.deepEqual(await titles(), ['Bread', 'Oat milk'])

    await context.setOffline(true)
    await call(one, 'apply', create('Eggs'))
    await call(other, 'apply', create('Apples'))
    await bothShow(['Apples', 'Bread', 'Eggs', 'Oat milk'], false)
    await one.close()
    await context.setOffline(false)
    await call(other, 'is', 'live')
    await call(other, 'shows', ['Apples', 'Bread', 'Eggs', 'Oat milk'], true)
    assert.deepEqual(await titles(), ['Apples', 'Bread', 'Eggs', 'Oat milk'])

    await context.setOffline(true)
    await call(other, 'apply', create('Dates'))
    await context.setOffline(false)
    const third = await openTab()
    await call(third, 'shows', ['Apples', 'Bread', 'Dates', 'Eggs', 'Oat milk'], true)
    await call(third, 'is', 'follower')
    assert.deepEqual(await call(third, 'status'), {
      ...{ state: 'follower', loaded: true, unsent: 0, durable: true },
    })
    await context.close()
  })
})
