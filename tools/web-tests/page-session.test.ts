import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  add,
  controlled,
  goOffline,
  openTwo,
  PASSWORD,
  sent,
  shows,
  signIn,
  signOut,
  signUp,
  useSite,
  type Visit,
  watch,
} from './page-site.ts'

/** The browser notes each response that is an error. */
const isUnauthorized = (fault: string) => /status of 401/.test(fault)
const isOffline = (fault: string) => /ERR_INTERNET_DISCONNECTED/.test(fault)

describe('sessions, tabs and connections', () => {
  const site = useSite()

  it('signed out, the page asks for the session and never for a token', async () => {
    const context = await site.browser.newContext()
    const page = await context.newPage()
    const asked: string[] = []
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/api/')) asked.push(pathname)
    })
    const visit = watch(page, site.url)
    await page.goto(`${site.url}/today`)
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.deepEqual(asked, ['/api/auth/get-session'])
    visit.check()
  })

  it('says what is wrong with a sign-in', async () => {
    const { page } = await site.open('/sign-in')
    await page.getByLabel('E-mail').fill('nobody@example.com')
    await page.getByLabel('Password').fill('wrong password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('not right').waitFor()
  })

  it('two people on one browser, one after the other, see their own tasks alone', async () => {
    const visit = await site.open('/')
    const { page } = visit
    const ada = await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    const leave = async (name: string) => {
      await signOut(visit, name)
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
    }
    await page.getByRole('row', { name: 'A secret of Ada' }).waitFor()
    await leave('Ada')
    const left = await page.evaluate(async () =>
      (await indexedDB.databases()).map(({ name }) => name),
    )
    assert.deepEqual(left, [])
    await signUp(visit, 'Bob')
    await shows(visit)
    await add(visit, 'A task of Bob')
    await leave('Bob')
    await signIn(visit, ada)
    await shows(visit, 'A secret of Ada')
    visit.check()
  })

  it('offline and back: edits are shown, kept over a reload, and sent', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Before')
    await sent(visit)
    await controlled(visit)
    await goOffline(visit)
    await add(visit, 'Without connection')
    await page.getByRole('checkbox', { name: 'Before' }).check()
    await shows(visit, 'Without connection')
    await page.getByText('2 changes not sent').waitFor()
    await page.reload()
    await shows(visit, 'Without connection')
    await page.getByRole('searchbox', { name: 'Search' }).fill('with')
    await page.getByText('1 task found').waitFor()
    await page.getByRole('searchbox', { name: 'Search' }).fill('')
    await page.getByRole('link', { name: 'Trash' }).click()
    await page.getByText('The trash needs a connection').waitFor()
    await page.context().setOffline(false)
    await page.getByRole('heading', { name: 'The trash is empty' }).waitFor()

    await page.getByRole('link', { name: 'Inbox' }).click()
    await page.getByRole('row', { name: 'Without connection' }).waitFor()
    await sent(visit)
    assert.deepEqual(
      visit.faults.filter((fault) => !isOffline(fault)),
      [],
    )
  })

  it('two tabs and two devices show each change of the other', async () => {
    const one = await site.open('/inbox')
    const email = await signUp(one)
    const two = watch(await one.page.context().newPage(), site.url)
    await two.page.goto(`${site.url}/inbox`)
    const far = await site.open('/inbox')
    await signIn(far, email)
    await add(one, 'From the first tab')
    await shows(two, 'From the first tab')
    await shows(far, 'From the first tab')
    await add(two, 'From the second tab')
    await shows(one, 'From the second tab', 'From the first tab')
    await shows(far, 'From the second tab', 'From the first tab')
    await far.page.getByRole('row', { name: 'From the first tab' }).focus()
    await far.page.keyboard.press('Delete')
    await shows(one, 'From the second tab')
    await shows(two, 'From the second tab')
    for (const visit of [one, two, far]) visit.check()
  })

  it('a session that is lost leads to the sign-in form, and keeps what was not sent', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    const email = await signUp(visit)
    await add(visit, 'Sent')
    await sent(visit)
    await goOffline(visit)
    await add(visit, 'Not sent')
    // The session ends on another device, such as by a new password.
    const cookies = await page.context().cookies()
    await page.context().clearCookies()
    assert.ok(cookies.length > 0)
    await page.reload()
    await shows(visit, 'Not sent', 'Sent')
    await page.context().setOffline(false)
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    await page.getByText('One change waits on this device').waitFor()
    assert.equal(await page.getByRole('row').count(), 0)
    assert.equal(await page.getByLabel('E-mail').inputValue(), email)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await shows(visit, 'Not sent', 'Sent')
    await sent(visit)
    assert.deepEqual(
      visit.faults.filter((fault) => !isOffline(fault) && !isUnauthorized(fault)),
      [],
    )
  })

  it('an edit that the server refuses is shown in its row, and can be discarded', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit)
    await page.getByRole('textbox', { name: 'Add a task' }).fill('x'.repeat(600))
    await page.keyboard.press('Enter')
    const row = page.getByRole('row', { name: 'xxx' })
    await row.getByText('The server did not take this new task.').waitFor()
    await page.getByRole('banner').getByText('1 change refused').waitFor()
    await row.getByRole('button', { name: 'Discard' }).click()
    await shows(visit)
  })

  it('a title that two devices changed: ours is kept, and theirs can be taken', async () => {
    const [one, two] = await openTwo(site, 'Before')
    const rename = async ({ page }: Visit, title: string) => {
      await page.getByRole('row', { name: 'Before' }).focus()
      await page.keyboard.press('e')
      await page.getByRole('textbox', { name: 'Title' }).fill(title)
      await page.keyboard.press('Enter')
    }
    await goOffline(two)
    await rename(two, 'Ours')
    await rename(one, 'Theirs')
    await shows(one, 'Theirs')
    await sent(one)
    await two.page.context().setOffline(false)
    await two.page.getByText('Another device changed the title as well.').waitFor()
    await shows(two, 'Ours')
    await two.page.getByRole('button', { name: 'Take theirs' }).click()
    await shows(two, 'Theirs')
    await shows(one, 'Theirs')
  })

  it('sign-out asks while something is unsent', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Cleo')
    await goOffline(visit)
    await add(visit, 'Not sent')
    await signOut(visit, 'Cleo')
    const dialog = page.getByRole('alertdialog')
    await dialog.getByText('One change has not reached the server').waitFor()
    await dialog.getByRole('button', { name: 'Stay' }).click()
    await shows(visit, 'Not sent')
  })
})
