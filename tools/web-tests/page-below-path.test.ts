import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { linkIn, type Mailbox, startMailbox } from '../../backend/tests/support/mailbox.ts'
import { otherVersion, readBuilt, type Served, servePage } from './built-page.ts'
import { openBrowser } from './chromium.ts'
import {
  add,
  controlled,
  openWindow,
  PASSWORD,
  sent,
  shows,
  signOut,
  signUp,
  type Visit,
} from './page-site.ts'
import { serveSite } from './site.ts'

const BASE_PATH = '/todo'
const NEW_PASSWORD = 'a battery of correct horses'

/** A token as the server signs it for a mail, with a signature that is not its own. */
const UNSIGNED = ['{"alg":"HS256"}', '{"email":"ada@example.com","userId":"x","iat":1,"exp":2}', '']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.')

/** Sign-ups with and without a mail to confirm the address. */
for (const verification of ['off', 'on'] as const) {
  describe(`the page below ${BASE_PATH}, with mail, verification ${verification}`, () => {
    let browser: Browser
    let mailbox: Mailbox
    let app: TestApp
    /** Files of the page come from here, as after an update of the server. */
    let files: Pick<Served, 'port'>
    let url: string
    before(async () => {
      browser = await openBrowser()
      mailbox = await startMailbox()
      const port = await serveSite({}, (path) => {
        const server = path.startsWith(`${BASE_PATH}/api/`) ? app : files
        return new URL(path, `http://127.0.0.1:${server.port}`)
      })
      url = `http://127.0.0.1:${port}${BASE_PATH}`
      const environment = {
        BETTER_AUTH_URL: url,
        SMTP_URL: mailbox.url,
        SMTP_FROM: 'Todo <todo@example.com>',
        REQUIRE_EMAIL_VERIFICATION: verification,
        ACCOUNT_LIMITS: 'off',
      }
      const page = await readBuilt(BASE_PATH)
      app = await startApp('pglite', environment, undefined, { signUpGridMs: 1 }, { page })
      files = app
    })
    after(async () => {
      await browser.close()
      await app.close()
      await mailbox.close()
    })

    async function fill({ page }: Visit, fields: Readonly<Record<string, string>>): Promise<void> {
      for (const [label, text] of Object.entries(fields)) await page.getByLabel(label).fill(text)
    }

    async function press({ page }: Visit, name: string): Promise<void> {
      await page.getByRole('button', { name }).click()
    }

    if (verification === 'on') {
      it('signs up with the link of a mail, which leads back to the page', async () => {
        const visit = await openWindow(browser, url, '/sign-up')
        const { page } = visit
        const email = 'verified@example.com'
        await fill(visit, { Name: 'Ada', 'E-mail': email, Password: PASSWORD })
        await press(visit, 'Sign up')
        await page.getByText('Check your mail').waitFor()
        await fill(visit, { 'E-mail': email, Password: PASSWORD })
        await press(visit, 'Sign in')
        await page.getByText('Your address is not confirmed yet').waitFor()
        await mailbox.next(email)
        const link = linkIn(await mailbox.next(email))
        await page.goto(link.href)
        await page.getByText('Your address is confirmed').waitFor()
        assert.equal(new URL(page.url()).pathname, `${BASE_PATH}/sign-in`)
        await fill(visit, { 'E-mail': email, Password: PASSWORD })
        await press(visit, 'Sign in')
        await page.getByRole('textbox', { name: 'Add a task' }).waitFor()
        assert.equal(page.url(), `${url}/inbox`)
      })

      it('says that a link is not valid', async () => {
        const visit = await openWindow(browser, url)
        const { page } = visit
        for (const [path, callback] of [
          [`verify-email?token=${UNSIGNED}&callbackURL=`, 'sign-in?verified'],
          ['reset-password/wrong?callbackURL=', 'reset-password'],
        ]) {
          await page.goto(`${url}/api/auth/${path}${encodeURIComponent(`${url}/${callback}`)}`)
          await page.getByText('That link is no longer valid').waitFor()
        }
        await page.getByRole('button', { name: 'Send the link' }).waitFor()
        const callback = encodeURIComponent(`${url}/sign-in?verified`)
        for (const path of [
          `verify-email?token=garbled&callbackURL=${callback}`,
          `verify-email?token=${UNSIGNED.slice(0, 40)}`,
          `verify-email?callbackURL=${callback}`,
          `verify-email?token=${UNSIGNED}&amp;callbackURL=${callback}`,
          'reset-password/wrong',
          'reset-password/garbled%0A',
        ]) {
          await page.goto(`${url}/api/auth/${path}`)
          await page.getByText('That link is no longer valid').waitFor()
        }
        visit.check()
      })
      return
    }

    it('signs up, adds tasks, and each view opens again at its address', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      await signUp(visit)
      await add(visit, 'Buy milk')
      await page.getByRole('textbox', { name: 'Add a task' }).fill('Call Anna today #work')
      await page.keyboard.press('Enter')
      await page.getByText('Added “Call Anna” to Today').waitFor()
      for (const [name, path, ...titles] of [
        ['Inbox', 'inbox', 'Buy milk'],
        ['Today', 'today', 'Call Anna'],
        ['work', 'tags/work', 'Call Anna'],
      ] as const) {
        await page.getByRole('link', { name }).click()
        assert.equal(page.url(), `${url}/${path}`)
        await page.reload()
        await shows(visit, ...titles)
      }
      await page.goBack()
      await shows(visit, 'Call Anna')
      assert.equal(page.url(), `${url}/today`)
      const cookies = await page.context().cookies()
      assert.deepEqual(new Set(cookies.map(({ path }) => path)), new Set([BASE_PATH]))
      visit.check()
    })

    it('is an app below its path alone', async () => {
      const visit = await openWindow(browser, url)
      const app = await visit.page.evaluate(async () => {
        const { scope } = await navigator.serviceWorker.ready
        const { href } = document.querySelector<HTMLLinkElement>('link[rel=manifest]') ?? {}
        const manifest = await (await fetch(href ?? '')).json()
        const absolute = (path: string) => new URL(path, href).href
        return [scope, href, absolute(manifest.start_url), absolute(manifest.scope)]
      })
      assert.deepEqual(app, [`${url}/`, `${url}/manifest.webmanifest`, `${url}/inbox`, `${url}/`])
      visit.check()
    })

    it('a forgotten password: the link of the mail leads to a new one', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      const email = await signUp(visit, 'Ada')
      await add(visit, 'Buy milk')
      await sent(visit)
      await signOut(visit, 'Ada')
      await page.getByRole('link', { name: 'Forgot your password?' }).click()
      await fill(visit, { 'E-mail': email })
      await press(visit, 'Send the link')
      await page.getByText('the mail is on its way').waitFor()
      const link = linkIn(await mailbox.next(email))
      await page.goto(link.href)
      await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
      assert.equal(new URL(page.url()).pathname, `${BASE_PATH}/reset-password`)
      await fill(visit, { 'New password': NEW_PASSWORD })
      await press(visit, 'Save the password')
      await page.getByText('Your password has changed').waitFor()
      visit.check()
      await fill(visit, { 'E-mail': email, Password: PASSWORD })
      await press(visit, 'Sign in')
      await page.getByRole('alert').getByText('not right').waitFor()
      await fill(visit, { 'E-mail': email, Password: NEW_PASSWORD })
      await press(visit, 'Sign in')
      await shows(visit, 'Buy milk')
    })

    it('a link for a new password works for a person who is signed in', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      const email = await signUp(visit)
      await add(visit, 'Buy milk')
      await sent(visit)
      const stranger = await openWindow(browser, url, '/forgot-password')
      await fill(stranger, { 'E-mail': email })
      await press(stranger, 'Send the link')
      await page.goto(linkIn(await mailbox.next(email)).href)
      await fill(visit, { 'New password': NEW_PASSWORD })
      await press(visit, 'Save the password')
      await page.getByText('Your password has changed').waitFor()
      await fill(visit, { 'E-mail': email, Password: NEW_PASSWORD })
      await press(visit, 'Sign in')
      await shows(visit, 'Buy milk')
      assert.equal(page.url(), `${url}/inbox`)
    })

    it('says that a link is not valid to a person who is signed in', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      await signUp(visit)
      await page.goto(`${url}/api/auth/verify-email?token=garbled`)
      await page.getByRole('status').getByText('That link is no longer valid').waitFor()
      await page.getByRole('textbox', { name: 'Add a task' }).waitFor()
      assert.equal(page.url(), `${url}/inbox`)
      visit.check()
    })

    it('the form for a new password leads a person who is signed in back to their tasks', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      await signUp(visit)
      await add(visit, 'Buy milk')
      await page.goto(`${url}/reset-password?token=any`)
      await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
      assert.equal(await page.getByText('Back to sign in').count(), 0)
      await page.getByRole('link', { name: 'Back to your tasks' }).click()
      await shows(visit, 'Buy milk')
      assert.equal(page.url(), `${url}/inbox`)
      visit.check()
    })

    it('says that a new version is there, and uses it when the person wants it', async () => {
      const visit = await openWindow(browser, url)
      const { page } = visit
      await signUp(visit)
      await controlled(visit)
      const newer = await servePage(BASE_PATH, await otherVersion('The new version'))
      files = newer
      const description = () => page.locator('meta[name=description]').getAttribute('content')
      // As when the person comes back to a tab that has been open for weeks.
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
      await page.getByText('A new version is ready.').waitFor()
      assert.notEqual(await description(), 'The new version')
      const loaded = page.waitForEvent('load')
      await press(visit, 'Reload')
      await loaded
      assert.equal(await description(), 'The new version')
      await page.getByRole('textbox', { name: 'Add a task' }).waitFor()
      assert.equal(await page.getByText('A new version is ready.').count(), 0)
      visit.check()
      await newer.close()
    })
  })
}
