import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { readPage } from '../../backend/src/api/web/page.ts'
import { serve } from '../../backend/tests/support/app.ts'
import { openTestDatabase } from '../../backend/tests/support/databases.ts'
import { openBrowser } from './chromium.ts'

export const PASSWORD = 'correct horse battery'
/** How long a test waits for what must happen. */
const PATIENCE_MS = 10_000

/** The server with the page, on a database of its own, and a browser. */
export interface Site {
  readonly url: string
  readonly browser: Browser
  /** Opens the page in a private window. */
  open(path?: string, options?: BrowserContextOptions): Promise<Visit>
  close(): Promise<void>
}

/** The page in one tab, and everything that went wrong there. */
export interface Visit {
  readonly page: Page
  /** Errors of the console and of scripts, violations of the policy, and requests to other origins. */
  readonly faults: string[]
  /** Fails if there was a fault. */
  check(): void
}

/** Starts the server with the page that `npm run build:web` has made. */
async function startSite(): Promise<Site> {
  const page = await readPage('')
  assert.ok(page, 'npm run build:web builds the page')
  const test = await openTestDatabase('pglite')
  const environment = { ACCOUNT_LIMITS: 'off' }
  const { connector } = test
  const app = await serve(test.database, environment, { connector, page })
  const browser = await openBrowser()
  const url = `http://127.0.0.1:${app.port}`
  return {
    ...{ url, browser },
    open: (path, options) => openWindow(browser, url, path, options),
    async close() {
      await browser.close()
      await app.close()
      await test.close()
    },
  }
}

/** Call it in `describe`: it starts the site before the tests, and closes it after them. */
export function useSite(): Omit<Site, 'close'> {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site.close())
  return {
    get url() {
      return site.url
    },
    get browser() {
      return site.browser
    },
    open: (path, options) => site.open(path, options),
  }
}

/** Opens the page in a private window. @param url of the page, with its base path. */
export async function openWindow(
  browser: Browser,
  url: string,
  path = '/',
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const viewport = { width: 1280, height: 800 }
  const context = await browser.newContext({ viewport, ...options })
  const visit = watch(await context.newPage(), url)
  await visit.page.goto(url + path)
  return visit
}

/** Notes what goes wrong in a tab. */
export function watch(page: Page, url: string): Visit {
  const faults: string[] = []
  page.setDefaultTimeout(PATIENCE_MS)
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      faults.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => faults.push(String(error.stack)))
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(`${url}/`) || /^(data|blob):/.test(request.url())
    if (!isOwn) faults.push(`A request to ${request.url()}`)
  })
  return { page, faults, check: () => assert.deepEqual(faults, []) }
}

let people = 0

/** Signs a new person up in the form of the page. @returns the address. */
export async function signUp({ page }: Visit, name = 'Ada'): Promise<string> {
  people += 1
  const email = `${name.toLowerCase()}-${process.pid}-${people}@example.com`
  await page.getByRole('link', { name: 'Sign up' }).click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('textbox', { name: 'Add a task' }).waitFor()
  return email
}

export async function signIn({ page }: Visit, email: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('textbox', { name: 'Add a task' }).waitFor()
}

export async function signOut({ page }: Visit, name: string): Promise<void> {
  // A tab in the background is drawn seldom.
  await page.bringToFront()
  await page.getByRole('button', { name, exact: true }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
}

/** Waits until the server has all changes that the page shows. */
export async function sent({ page }: Visit): Promise<void> {
  await page.getByText('Not sent yet').waitFor({ state: 'detached' })
}

/** Cuts the connection, and waits until the page says so. */
export async function goOffline({ page }: Visit): Promise<void> {
  await page.context().setOffline(true)
  await page.getByRole('banner').getByText('Offline').waitFor()
}

/** Waits until the service worker serves the page, so that it opens without a connection. */
export async function controlled({ page }: Visit): Promise<void> {
  await page.evaluate(async () => {
    const { serviceWorker } = navigator
    if (serviceWorker.controller !== null) return
    await new Promise((done) => serviceWorker.addEventListener('controllerchange', done))
  })
}

/** @returns two devices of one person, which show these tasks. */
export async function openTwo(
  site: Pick<Site, 'open'>,
  ...titles: readonly string[]
): Promise<readonly [Visit, Visit]> {
  const one = await site.open('/inbox')
  const email = await signUp(one)
  await add(one, ...titles)
  const two = await site.open('/inbox')
  await signIn(two, email)
  await shows(two, ...titles.toReversed())
  return [one, two]
}

/** Adds tasks; the last one is first in the list. */
export async function add({ page }: Visit, ...titles: readonly string[]): Promise<void> {
  for (const title of titles) {
    await page.getByRole('textbox', { name: 'Add a task' }).fill(title)
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: title }).waitFor()
  }
}

/** Waits until the page shows these tasks, in this order. */
export async function shows({ page }: Visit, ...titles: readonly string[]): Promise<void> {
  const shown = await page.evaluate(
    ({ wanted, ms }) =>
      new Promise<(string | null)[]>((resolve) => {
        const read = () =>
          [...document.querySelectorAll('[role=row][aria-label]')].map((row) =>
            row.getAttribute('aria-label'),
          )
        const look = () => {
          if (JSON.stringify(read()) === wanted) end()
        }
        const observer = new MutationObserver(look)
        const timer = setTimeout(end, ms)
        function end() {
          clearTimeout(timer)
          observer.disconnect()
          resolve(read())
        }
        observer.observe(document.body, { subtree: true, childList: true, attributes: true })
        look()
      }),
    { wanted: JSON.stringify(titles), ms: PATIENCE_MS },
  )
  assert.deepEqual(shown, titles)
}

/** @returns the name of the element that has the focus, such as `row Buy milk`. */
export function focused({ page }: Visit): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    const name = element?.getAttribute('aria-label') ?? element?.textContent ?? ''
    return `${element?.getAttribute('role') ?? element?.localName} ${name}`.trim()
  })
}

/** Makes tasks by the API, as another device of the person would. */
export async function seed({ page }: Visit, tasks: readonly object[]): Promise<void> {
  const status = await page.evaluate(async (all) => {
    const { token } = await (await fetch('/api/auth/token')).json()
    const operations = all.map((task) => ({ op: 'create', task }))
    for (let at = 0; at < operations.length; at += 100) {
      const response = await fetch('/api/me/tasks/batch', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ operations: operations.slice(at, at + 100) }),
      })
      if (!response.ok) return response.text()
    }
    return 'done'
  }, tasks)
  assert.equal(status, 'done')
}

/** @returns the day of this device, a number of days from today. */
export function day(offset = 0): string {
  const date = new Date()
  date.setDate(date.getDate() + offset)
  const pad = (n: number) => String(n).padStart(2, '0')
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}
