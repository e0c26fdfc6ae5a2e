import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { add, signUp, useSite } from './page-site.ts'

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

/** @returns the controls that a finger misses 21 px above, below or beside their middle. */
function missed(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const CONTROLS = 'button, input, select, textarea, [role=menuitem], nav a'
    const hit = (x: number, y: number, control: Element) => {
      const target = document.elementFromPoint(x, y)
      const label = target?.closest('label')
      return control.contains(target) || (label !== null && label?.contains(control) === true)
    }
    const names: string[] = []
    for (const control of document.querySelectorAll(CONTROLS)) {
      control.scrollIntoView({ block: 'center', behavior: 'instant' })
      const { left, top, width, height } = control.getBoundingClientRect()
      const [x, y] = [left + width / 2, top + height / 2]
      // Nobody can hit what is hidden or below a dialog.
      if (width < 2 || !hit(x, y, control)) continue
      const points = [
        ...([0, 21].map((by) => [x + by, y]) as [number, number][]),
        ...([-21, 21].map((by) => [x, y + by]) as [number, number][]),
      ]
      if (points.every(([px, py]) => hit(px, py, control))) continue
      names.push(control.getAttribute('aria-label') ?? control.textContent ?? control.outerHTML)
    }
    return names
  })
}

describe('fingers', () => {
  const site = useSite()

  it('hit every control of a list: it has 44 px', async () => {
    const visit = await site.open('/', PHONE)
    const { page } = visit
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.deepEqual(await missed(page), [], 'sign in')
    await signUp(visit)
    await add(visit, 'Buy milk', 'Buy bread')
    await page.getByText('Added “Buy bread”').waitFor()
    const field = page.getByRole('textbox', { name: 'Add a task' })
    await field.fill('Call Anna tomorrow 9am #work #home !high every week')
    await page.getByRole('list', { name: 'Understood' }).waitFor()
    assert.deepEqual(await missed(page), [], 'chips and message')
    await field.fill('')

    await page.getByRole('row', { name: 'Buy milk' }).getByRole('button').tap()
    await page.getByRole('menu').waitFor()
    assert.deepEqual(await missed(page), [], 'menu')
    await page.getByRole('menuitem', { name: 'Select' }).tap()
    await page.getByRole('toolbar').waitFor()
    assert.deepEqual(await missed(page), [], 'toolbar')
    await page.setViewportSize({ width: 320, height: 640 })
    const bar = await page.getByRole('toolbar').boundingBox()
    assert.ok(bar && bar.height < 64, `one line: ${bar?.height}`)
    visit.check()
  })

  it('hit every control of the details and the settings', async () => {
    const visit = await site.open('/', PHONE)
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Buy milk')
    await page.getByText('Buy milk', { exact: true }).tap()
    const details = page.getByRole('dialog', { name: 'Details' })
    const tags = details.getByRole('combobox', { name: 'Add a tag' })
    for (const tag of ['work', 'home']) {
      await tags.fill(tag)
      await page.keyboard.press('Enter')
    }
    await details.getByRole('textbox', { name: 'Add an item' }).fill('An item')
    await page.keyboard.press('Enter')
    await details.getByRole('checkbox', { name: 'An item' }).waitFor()
    await details.getByRole('button', { name: 'Today' }).tap()
    await details.getByRole('combobox', { name: 'Repeat' }).waitFor()
    assert.deepEqual(await missed(page), [], 'details')
    await page.goBack()

    await page.getByRole('button', { name: 'Browse' }).tap()
    await page.getByRole('dialog').getByRole('link', { name: 'Settings' }).waitFor()
    assert.deepEqual(await missed(page), [], 'browse')
    await page.getByRole('dialog').getByRole('link', { name: 'Settings' }).tap()
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    assert.deepEqual(await missed(page), [], 'settings')
    visit.check()
  })
})
