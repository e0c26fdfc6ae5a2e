import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { add, openWindow, sent, shows, signUp, useSite, type Visit } from './page-site.ts'

const SIZES = [
  [1280, 'complementary'],
  [360, 'dialog'],
] as const

describe('the address of a task', () => {
  const site = useSite()
  const path = ({ page }: Visit) =>
    page
      .url()
      .slice(site.url.length)
      .replace(/#task=.+/, '#task')

  for (const [width, pane] of SIZES) {
    it(`${width} px: it opens the task, and Back closes it`, async () => {
      const visit = await site.open('/', { viewport: { width, height: 800 } })
      const { page } = visit
      const details = page.getByRole(pane, { name: 'Details' })
      const closed = { state: 'detached' } as const
      await signUp(visit)
      await add(visit, 'Two', 'One')
      await page.getByRole('row', { name: 'One' }).focus()
      await page.keyboard.press('Enter')
      await details.waitFor()
      assert.equal(path(visit), '/inbox#task')
      await page.goBack()
      await details.waitFor(closed)
      assert.equal(path(visit), '/inbox')
      await page.goForward()
      await details.waitFor()
      await page.reload()
      await details.waitFor()
      const title = details.getByRole('textbox', { name: 'Title' })
      assert.equal(await title.inputValue(), 'One')
      await page.keyboard.press('Escape')
      await details.waitFor(closed)
      assert.equal(path(visit), '/inbox')
      visit.check()
    })
  }

  it('is replaced when another task is opened, and when the person goes to another view', async () => {
    const visit = await site.open('/')
    const { page } = visit
    const details = page.getByRole('complementary', { name: 'Details' })
    await signUp(visit)
    await add(visit, 'Two', 'One')
    await page.getByRole('link', { name: 'All' }).click()
    for (const title of ['One', 'Two']) {
      await page.getByText(title, { exact: true }).click()
      await details.getByRole('checkbox').waitFor()
      assert.equal(path(visit), '/all#task')
    }
    await page.getByRole('link', { name: 'Today' }).click()
    await details.waitFor({ state: 'detached' })
    assert.equal(path(visit), '/today')
    await page.goBack()
    await shows(visit, 'One', 'Two')
    assert.equal(path(visit), '/all')
    visit.check()
  })

  it('can be copied, and opens the task in another window', async () => {
    const permissions = ['clipboard-read', 'clipboard-write']
    const visit = await site.open('/', { permissions })
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Two', 'One')
    await sent(visit)
    await page.getByRole('row', { name: 'One' }).getByRole('button').click()
    await page.getByRole('menuitem', { name: 'Copy link' }).click()
    await page.getByText('Copied the link to “One”').waitFor()
    const link = await page.evaluate(() => navigator.clipboard.readText())
    assert.ok(link.startsWith(`${site.url}/all#task=`))

    const storageState = await page.context().storageState()
    const other = await openWindow(site.browser, site.url, link.slice(site.url.length), {
      storageState,
    })
    const details = other.page.getByRole('complementary', { name: 'Details' })
    const title = details.getByRole('textbox', { name: 'Title' })
    assert.equal(await title.inputValue(), 'One')

    await other.page.getByRole('row', { name: 'One' }).focus()
    await other.page.keyboard.press('Delete')
    await details.waitFor({ state: 'detached' })
    await other.page.goto(`${site.url}/all#task=unknown`)
    await other.page.getByText('The link leads to a task that is not here').waitFor()
    assert.equal(path(other), '/all')
    other.check()
    visit.check()
  })
})
