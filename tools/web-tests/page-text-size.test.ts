import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { useSite, type Visit, watch } from './page-site.ts'
import { inspectViews, openFilled } from './page-views.ts'

const FORMS = ['sign-in', 'sign-up', 'forgot-password', 'reset-password?token=any']
const WIDE = { width: 1280, height: 800 }
const WINDOWS = {
  '1280 px': { viewport: WIDE, double: doubleText },
  '320 px': { viewport: { width: 320, height: 640 }, double: doubleText },
  '1280 px, by a style': { viewport: WIDE, double: doubleRoot },
}

/** Pixels of a text of usual size in most browsers. */
const USUAL_PX = 16

/** Doubles the text size, as the setting of the browser does. */
async function doubleText(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.setFontSizes', { fontSizes: { standard: 2 * USUAL_PX, fixed: 26 } })
}

/** Doubles the text size by a style of the root, which media queries do not follow: the sidebar stays. */
async function doubleRoot(page: Page): Promise<void> {
  await page.addInitScript(() => {
    document.addEventListener('readystatechange', () => {
      document.documentElement.style.fontSize = '200%'
    })
  })
}

/** @returns the texts that are cut, and what scrolls sideways. */
function cut(page: Page): Promise<string[]> {
  return page.evaluate((rootPx) => {
    const CONTROLS = 'button, a, [role=menuitem], [role=option], label'
    const found = new Set<string>()
    const root = getComputedStyle(document.documentElement)
    if (root.fontSize !== `${rootPx}px`) found.add(`The text has ${root.fontSize}`)
    if (document.documentElement.scrollWidth > innerWidth) found.add('The page scrolls sideways')
    const isShown = (element: Element) =>
      element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
      element.closest('[aria-hidden=true]') === null &&
      element.getBoundingClientRect().width > 1 // as of a name that only screen readers read
    /** A row shows the beginning of a description, at every size of the text. The details have all of it. */
    const isBeginning = (element: Element | null): boolean => {
      if (element === null) return false
      const { textOverflow, whiteSpace } = getComputedStyle(element)
      const isOneLine = textOverflow === 'ellipsis' && whiteSpace === 'nowrap'
      return isOneLine || isBeginning(element.parentElement)
    }
    /** Whether a rectangle is beyond the edges of another one by more than what rounding makes. */
    const beyond = (inner: DOMRect, outer: DOMRect, sides: 'x' | 'y') =>
      sides === 'x'
        ? inner.left < outer.left - 1.5 || inner.right > outer.right + 1.5
        : inner.top < outer.top - 1.5 || inner.bottom > outer.bottom + 1.5

    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.textContent?.trim() ?? ''
      const parent = node.parentElement
      if (text === '' || parent === null || !isShown(parent) || isBeginning(parent)) continue
      const range = document.createRange()
      range.selectNodeContents(node)
      const control = parent.closest(CONTROLS)?.getBoundingClientRect()
      for (const rect of range.getClientRects()) {
        if (rect.width < 2) continue
        if (rect.left < -1.5 || rect.right > innerWidth + 1.5)
          found.add(`Beyond the window: ${text}`)
        if (control && (beyond(rect, control, 'x') || beyond(rect, control, 'y'))) {
          found.add(`Beyond its control: ${text}`)
        }
        for (let box: Element | null = parent; box !== document.body; box = box.parentElement) {
          if (box === null) break
          const { overflowX, overflowY } = getComputedStyle(box)
          // A person can scroll to it.
          if (/auto|scroll/.test(overflowY)) break
          const edges = box.getBoundingClientRect()
          const isClipped =
            (/hidden|clip/.test(overflowX) && beyond(rect, edges, 'x')) ||
            (/hidden|clip/.test(overflowY) && beyond(rect, edges, 'y'))
          if (isClipped) found.add(`Cut: ${text}`)
        }
      }
    }
    for (const box of document.querySelectorAll('body *')) {
      if (!isShown(box) || box.matches('input, textarea')) continue
      const { overflowX } = getComputedStyle(box)
      if (/auto|scroll/.test(overflowX) && box.scrollWidth > box.clientWidth + 1) {
        found.add(`Scrolls sideways: ${box.className}`)
      }
    }
    const pen = document.createElement('canvas').getContext('2d')
    for (const field of document.querySelectorAll('input, select')) {
      if (!isShown(field) || pen === null) continue
      const text =
        field instanceof HTMLSelectElement
          ? (field.selectedOptions[0]?.text ?? '')
          : field instanceof HTMLInputElement && field.value === ''
            ? field.placeholder
            : ''
      const style = getComputedStyle(field)
      pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
      const space =
        field.clientWidth -
        Number.parseFloat(style.paddingLeft) -
        Number.parseFloat(style.paddingRight)
      if (pen.measureText(text).width > space + 1) found.add(`Cut in its field: ${text}`)
      if (field.clientHeight + 1 < Number.parseFloat(style.fontSize))
        found.add(`Low field: ${text}`)
    }
    return [...found]
  }, 2 * USUAL_PX)
}

describe('text of twice the size', () => {
  const site = useSite()
  let visit: Visit
  before(async () => {
    visit = await openFilled(site)
  })

  for (const [name, { viewport, double }] of Object.entries(WINDOWS)) {
    /** A window with text of twice the size, of the same person or of nobody. */
    async function open(isSignedIn: boolean): Promise<Visit> {
      const context = await site.browser.newContext({
        viewport,
        reducedMotion: 'reduce',
        ...(isSignedIn && { storageState: await visit.page.context().storageState() }),
      })
      const window = watch(await context.newPage(), site.url)
      await double(window.page)
      return window
    }
    const check = async (page: Page, what: string) => assert.deepEqual(await cut(page), [], what)

    it(`is not cut in any view at ${name}, and nothing scrolls sideways`, async () => {
      const window = await open(true)
      const { page } = window
      await inspectViews(page, site.url, (view) => check(page, view))
      window.check()
      await page.context().close()
    })

    it(`is not cut in details, menus, dialogs and messages at ${name}`, async () => {
      const window = await open(true)
      const { page } = window
      await page.goto(`${site.url}/all`)
      const field = page.getByRole('textbox', { name: 'Add a task' })
      await field.focus()
      await check(page, 'the field with the focus')
      await field.fill('Call Bob tomorrow 9am #work !high every week')
      await page.getByRole('list', { name: 'Understood' }).waitFor()
      await check(page, 'chips')
      await field.fill('')
      const row = page.getByRole('row', { name: 'Call Anna' })
      await row.getByRole('button').click()
      await page.getByRole('menu').waitFor()
      await check(page, 'menu')
      await page.getByRole('menuitem', { name: 'Select' }).click()
      await page.getByRole('toolbar').waitFor()
      await check(page, 'selection')
      await page.getByRole('button', { name: 'Clear the selection' }).click()
      await row.focus()
      await page.keyboard.press('2')
      await page.getByRole('button', { name: 'Undo' }).waitFor()
      await check(page, 'message')
      await page.getByRole('button', { name: 'Undo' }).click()
      await row.focus()
      await page.keyboard.press('Enter')
      await page.getByRole('textbox', { name: 'Description' }).waitFor()
      await check(page, 'details')
      await page.getByRole('button', { name: 'Today' }).click()
      await page.getByRole('combobox', { name: 'Repeat' }).waitFor()
      await page.getByRole('combobox', { name: 'Repeat' }).scrollIntoViewIfNeeded()
      await check(page, 'details with a date')
      await page.keyboard.press('Escape')
      await page.getByRole('textbox', { name: 'Description' }).waitFor({ state: 'detached' })
      await page.keyboard.press('?')
      await page.getByRole('dialog').waitFor()
      await check(page, 'keys')
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.keyboard.press('Control+k')
      await page.getByRole('dialog').waitFor()
      await check(page, 'palette')
      await page.keyboard.press('Escape')
      await page.getByRole('searchbox', { name: 'Search' }).fill('milk')
      await page.getByRole('row', { name: 'Buy milk' }).waitFor()
      await check(page, 'search')
      if (double === doubleText) {
        await page.getByRole('button', { name: 'Browse' }).click()
        await page.getByRole('dialog').getByRole('link', { name: 'Settings' }).waitFor()
        await check(page, 'browse')
      }
      window.check()
      await page.context().close()
    })

    it(`is not cut in any form of a person who is signed out at ${name}`, async () => {
      const window = await open(false)
      const { page } = window
      for (const form of FORMS) {
        await page.goto(`${site.url}/${form}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await check(page, form)
      }
      window.check()
      await page.context().close()
    })
  }
})
