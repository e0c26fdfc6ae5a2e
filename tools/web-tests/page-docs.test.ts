import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { openBrowser } from './chromium.ts'
import { openWindow, PASSWORD, type Visit } from './page-site.ts'

const NEW_PASSWORD = 'a battery of correct horses'
/** Longer than a token is valid. */
const LATER = '20:00'
const BASE_PATH = '/todo'

describe(`the page at ${BASE_PATH}/docs`, () => {
  let browser: Browser
  let app: TestApp
  let url: string
  before(async () => {
    browser = await openBrowser()
    app = await startApp('pglite', { ACCOUNT_LIMITS: 'off', BASE_PATH })
    url = `http://127.0.0.1:${app.port}${BASE_PATH}`
  })
  after(async () => {
    await browser.close()
    await app.close()
  })

  let people = 0
  const person = () => {
    people += 1
    return `ann-${people}@example.com`
  }

  async function open(): Promise<Visit> {
    const visit = await openWindow(browser, url, '/docs')
    await visit.page.getByRole('button', { name: 'Create account' }).waitFor()
    return visit
  }

  async function fillIn(page: Page, email: string, password: string, button: string) {
    await page.getByLabel('E-mail address', { exact: true }).fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: button, exact: true }).click()
  }

  /** A visit of a new person, who is signed in. */
  async function openSignedUp(email = person()): Promise<Visit> {
    const visit = await open()
    await fillIn(visit.page, email, PASSWORD, 'Create account')
    await visit.page.getByText(`Signed in as ${email}`).waitFor()
    return visit
  }

  const operation = (page: Page, id: string) => page.locator(`.opblock[id$="-${id}"]`)

  /** Unfolds an operation, and executes it as it is filled in, or with a body. @returns the status. */
  async function execute(page: Page, id: string, body?: object): Promise<number> {
    const block = operation(page, id)
    const button = block.getByRole('button', { name: 'Execute' })
    if (!(await button.isVisible())) await block.locator('.opblock-summary-control').click()
    if (body !== undefined) {
      await block.locator('textarea.body-param__text').fill(JSON.stringify(body))
    }
    const path = (await block.getAttribute('id'))?.includes('accounts') ? '/api/auth/' : '/api/me/'
    const response = page.waitForResponse((answer) => answer.url().startsWith(`${url}${path}`))
    await button.click()
    return (await response).status()
  }

  it('leads from the sign-up to a task by filled-in operations alone', async () => {
    const visit = await openSignedUp()
    const { page } = visit
    assert.equal(await page.title(), 'Todo Backend')
    const [first] = await page.locator('.opblock').evaluateAll((all) => all.map(({ id }) => id))
    assert.equal(first, 'operations-accounts-signUp')
    assert.equal(await execute(page, 'createTask'), 201)
    const inputs = operation(page, 'createTask').locator('input[type=text]')
    const filled = await inputs.evaluateAll((all) =>
      (all as HTMLInputElement[]).map(({ placeholder, value }) => [placeholder, value]),
    )
    assert.deepEqual(filled, [
      ['user_id', 'me'],
      ['idempotency-key', ''],
    ])
    assert.equal(await execute(page, 'listTasks'), 200)
    assert.equal(await execute(page, 'listSessions'), 200)
    visit.check()
  })

  it('has one place to sign in, says why it fails, and stays signed in when it is loaded again', async () => {
    const email = person()
    await openSignedUp(email)
    const visit = await open()
    const { page } = visit
    assert.equal(await page.getByText('Authorize').count(), 0)
    await fillIn(page, email, 'not the password', 'Sign in')
    await page.getByText('Invalid email or password').waitFor()
    await fillIn(page, email, PASSWORD, 'Sign in')
    await page.getByText(`Signed in as ${email}`).waitFor()
    await page.reload()
    await page.getByText(`Signed in as ${email}`).waitFor()
    assert.equal(await execute(page, 'listTasks'), 200)
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    assert.equal(await execute(page, 'listTasks'), 401)
  })

  it('follows a sign-up and a sign-out by an operation', async () => {
    const { page } = await open()
    const email = person()
    assert.equal(await execute(page, 'signUp', { name: 'Ann', email, password: PASSWORD }), 200)
    await page.getByText(`Signed in as ${email}`).waitFor()
    assert.equal(await execute(page, 'listTasks'), 200)
    assert.equal(await execute(page, 'signOut'), 200)
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  })

  it('renews the token before it expires', async () => {
    const visit = await open()
    const { page } = visit
    await page.clock.install()
    await page.reload()
    await fillIn(page, person(), PASSWORD, 'Create account')
    await page.getByText('Signed in as').waitFor()
    let renewals = 0
    page.on('request', (request) => {
      if (request.url() === `${url}/api/auth/token`) renewals += 1
    })
    assert.equal(await execute(page, 'listTasks'), 200)
    assert.equal(renewals, 0)
    await page.clock.fastForward(LATER)
    assert.equal(await execute(page, 'listTasks'), 200)
    assert.equal(renewals, 1)
    visit.check()
  })

  it('gets a new token after the server has revoked it, and keeps the session of a new password', async () => {
    const { page } = await openSignedUp()
    const toNew = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    assert.equal(await execute(page, 'changePassword', toNew), 200)
    assert.equal(await execute(page, 'listTasks'), 401)
    await page.getByText('There is a new one: execute the request again').waitFor()
    assert.equal(await execute(page, 'listTasks'), 200)
    const before = await page.evaluate(() => sessionStorage.getItem('todo-sign-in'))
    const back = { currentPassword: NEW_PASSWORD, newPassword: PASSWORD }
    const change = { ...back, revokeOtherSessions: true }
    assert.equal(await execute(page, 'changePassword', change), 200)
    await page.waitForFunction((old) => sessionStorage.getItem('todo-sign-in') !== old, before)
    assert.equal(await execute(page, 'listTasks'), 200)
    assert.equal(await execute(page, 'revokeSessions'), 200)
    assert.equal(await execute(page, 'listTasks'), 401)
    await page.getByText('The session has ended').waitFor()
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  })

  it('takes a token for tasks, and leads back to the sign-in', async () => {
    const visit = await open()
    const { page } = visit
    await page.getByRole('button', { name: 'Use a token' }).click()
    await page.getByLabel('Token for tasks', { exact: true }).fill('no token')
    await page.getByRole('button', { name: 'Use token' }).click()
    await page.getByText('This is not a token').waitFor()
    await page.getByRole('button', { name: 'Use an account' }).click()
    await page.getByRole('button', { name: 'Create account' }).waitFor()
    await page.getByRole('button', { name: 'Use a token' }).click()
    await page.getByLabel('Token for tasks', { exact: true }).fill(await app.token('zoë'))
    await page.getByRole('button', { name: 'Use token' }).click()
    await page.getByText('Signed in as zoë').waitFor()
    assert.equal(await execute(page, 'createTask'), 201)
    visit.check()
  })

  it('/docs/ leads to it, with its icon', async () => {
    const { page, faults } = await openWindow(browser, url, '/docs/')
    assert.equal(page.url(), `${url}/docs`)
    await page.getByRole('button', { name: 'Create account' }).waitFor()
    const icons = await page.evaluate(() =>
      Promise.all(
        [...document.querySelectorAll<HTMLLinkElement>('link[rel=icon]')].map(
          async ({ href }) => (await fetch(href)).status,
        ),
      ),
    )
    assert.deepEqual([icons, faults], [[200, 200], []])
  })
})
