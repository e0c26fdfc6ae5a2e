import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { add, focused, shows, signUp, useSite, watch } from './page-site.ts'

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

describe('what a newcomer meets', () => {
  const site = useSite()

  it('after the menu of a row, the keys go on from that row', async () => {
    const visit = await site.open('/')
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Third', 'Second', 'First')
    const row = (name: string) => page.getByRole('row', { name })
    await row('First').getByRole('button').click()
    await page.getByRole('menuitem', { name: 'Move down' }).click()
    await shows(visit, 'Second', 'First', 'Third')
    await page.waitForFunction(() => document.activeElement?.closest('[role=row]') !== null)
    await page.keyboard.press('Alt+ArrowUp')
    await shows(visit, 'First', 'Second', 'Third')
    await row('Third').focus()
    await page.keyboard.press('Alt+ArrowDown')
    await page.getByText('“Third” is the last one already').waitFor()
    await page.keyboard.press('ArrowUp')
    assert.equal(await focused(visit), 'row Second')

    await row('Second').getByRole('button').click()
    await page.getByRole('menuitem', { name: 'Priority' }).click()
    await page.getByRole('menuitem', { name: 'High' }).click()
    await row('Second').getByText('High').waitFor()
    await row('Second').getByRole('button').click()
    await page.getByRole('menuitem', { name: 'Complete' }).click()
    await shows(visit, 'First', 'Third')
    visit.check()
  })

  it('a new task that goes to another view says so, and leads there', async () => {
    const visit = await site.open('/')
    const { page } = visit
    await signUp(visit)
    await page.getByText('Try “Call Anna tomorrow 9am').waitFor()
    await page.getByRole('textbox', { name: 'Add a task' }).fill('Call Anna tomorrow')
    await page.keyboard.press('Enter')
    await page.getByText('Added “Call Anna” to Upcoming').waitFor()
    const messages = page.getByRole('status', { name: 'Messages' })
    await messages.getByRole('button', { name: 'Undo' }).waitFor()
    await messages.getByRole('button', { name: 'Show' }).click()
    await shows(visit, 'Call Anna')
    assert.equal(new URL(page.url()).pathname, '/upcoming')
    visit.check()
  })

  it('Escape clears the search and stays in its field, and the down arrow leads to the list', async () => {
    const visit = await site.open('/')
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Buy milk', 'Call Anna')
    const search = page.getByRole('searchbox', { name: 'Search' })
    await search.fill('milk')
    await shows(visit, 'Buy milk')
    await page.keyboard.press('ArrowDown')
    assert.equal(await focused(visit), 'row Buy milk')
    await search.press('Escape')
    await shows(visit, 'Call Anna', 'Buy milk')
    assert.equal(await focused(visit), 'input Search')
    visit.check()
  })

  it('on an iPhone, the page behind a dialog does not scroll, and the policy permits that', async () => {
    const userAgent =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1'
    const context = await site.browser.newContext({ ...PHONE, userAgent })
    const page = await context.newPage()
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'platform', { value: 'iPhone' })
      Object.defineProperty(navigator, 'userAgentData', { value: undefined })
    })
    const visit = watch(page, site.url)
    await page.goto(site.url)
    await signUp(visit)
    const contains = () => page.evaluate(() => getComputedStyle(document.body).overscrollBehavior)
    assert.equal(await contains(), 'auto')
    await page.getByRole('button', { name: 'Browse' }).tap()
    await page.getByRole('dialog').waitFor()
    assert.equal(await contains(), 'contain')
    visit.check()
    await context.close()
  })

  it('on a phone, Back closes the details, and messages do not cover the actions', async () => {
    const visit = await site.open('/', PHONE)
    const { page } = visit
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signUp(visit)
    await add(visit, 'Buy milk')
    const address = page.url()
    await page.getByText('Buy milk', { exact: true }).tap()
    await page.getByRole('dialog').waitFor()
    await page.goBack()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(page.url(), address)

    const more = page.getByRole('row', { name: 'Buy milk' }).getByRole('button')
    const target = await more.boundingBox()
    assert.ok(target && target.width >= 44 && target.height >= 44, JSON.stringify(target))
    await more.tap()
    await page.getByRole('menuitem', { name: 'Due today' }).tap()
    await page.getByText('Changed “Buy milk”').waitFor()
    await page.getByRole('link', { name: 'Today' }).tap()
    await more.tap()
    await page.getByRole('menuitem', { name: 'Select' }).tap()
    const bar = await page.getByRole('toolbar').boundingBox()
    const message = await page.getByRole('status', { name: 'Messages' }).boundingBox()
    assert.ok(bar && message && message.y + message.height <= bar.y, JSON.stringify([bar, message]))
    visit.check()
  })
})
