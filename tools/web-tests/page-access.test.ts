import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { before, describe, it } from 'node:test'
import type { AxeResults } from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { useSite, type Visit, watch } from './page-site.ts'
import { inspectViews, openFilled } from './page-views.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'forced colours': { forcedColors: 'active' },
  '320 px': { colorScheme: 'light', viewport: { width: 320, height: 640 } },
}

/** @returns the violations, and whether the page is wider than its window. */
async function inspect(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const violations = await page.evaluate(async (tags) => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }
    const results = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return results.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.html.slice(0, 150)} ${node.failureSummary}`).join(' | ')}`,
    )
  }, RULES)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  return wide ? [...violations, 'The page scrolls sideways'] : violations
}

describe('WCAG 2.2 AA, by axe', () => {
  const site = useSite()
  let visit: Visit
  before(async () => {
    visit = await openFilled(site)
  })

  /** Another window of the same person. */
  async function open(options: BrowserContextOptions): Promise<Visit> {
    const storageState = await visit.page.context().storageState()
    const context = await site.browser.newContext({
      viewport: { width: 1280, height: 800 },
      // Colours are measured when nothing moves.
      reducedMotion: 'reduce',
      ...options,
      storageState,
    })
    return watch(await context.newPage(), site.url)
  }

  for (const [look, options] of Object.entries(LOOKS)) {
    it(`no violation in any view in ${look}`, async () => {
      const window = await open(options)
      const { page } = window
      await inspectViews(page, site.url, async (view) =>
        assert.deepEqual(await inspect(page), [], view),
      )
      window.check()
      await page.context().close()
    })

    it(`no violation in forms, menus, details and dialogs in ${look}`, async () => {
      const window = await open(options)
      const { page } = window
      await page.goto(`${site.url}/inbox`)
      const field = page.getByRole('textbox', { name: 'Add a task' })
      await field.fill('Call Bob tomorrow 9am #work !high')
      await page.getByRole('list', { name: 'Understood' }).waitFor()
      assert.deepEqual(await inspect(page), [], 'chips')
      await field.fill('')
      const row = page.getByRole('row', { name: 'Call Anna' })
      await row.getByRole('button').click()
      await page.getByRole('menu').waitFor()
      assert.deepEqual(await inspect(page), [], 'menu')
      await page.getByRole('menuitem', { name: 'Select' }).click()
      await page.getByRole('toolbar').waitFor()
      assert.deepEqual(await inspect(page), [], 'selection')
      await page.getByRole('button', { name: 'Clear the selection' }).click()
      await row.focus()
      await page.keyboard.press('t')
      await page.getByRole('button', { name: 'Undo' }).waitFor()
      assert.deepEqual(await inspect(page), [], 'message')
      await page.getByRole('button', { name: 'Undo' }).click()
      await row.focus()
      await page.keyboard.press('Enter')
      await page.getByRole('textbox', { name: 'Description' }).waitFor()
      assert.deepEqual(await inspect(page), [], 'details')
      await page.keyboard.press('Escape')
      await page.getByRole('textbox', { name: 'Description' }).waitFor({ state: 'detached' })
      await page.keyboard.press('?')
      await page.getByRole('dialog').waitFor()
      assert.deepEqual(await inspect(page), [], 'keys')
      await page.keyboard.press('Escape')
      await page.getByRole('searchbox', { name: 'Search' }).fill('milk')
      await page.getByRole('row', { name: 'Buy milk' }).waitFor()
      assert.deepEqual(await inspect(page), [], 'search')
      window.check()
      await page.context().close()

      const stranger = await site.open('/sign-up', { ...options, reducedMotion: 'reduce' })
      await stranger.page.getByRole('button', { name: 'Sign up' }).waitFor()
      assert.deepEqual(await inspect(stranger.page), [], 'sign up')
      await stranger.page.getByRole('link', { name: 'Sign in' }).click()
      await stranger.page.getByRole('button', { name: 'Sign in' }).waitFor()
      assert.deepEqual(await inspect(stranger.page), [], 'sign in')
      stranger.check()
      await stranger.page.context().close()
    })
  }
})
