/**
 * `npm run screenshot`: takes the pictures of the page in docs/images, in light and in dark, with the tasks of
 * `npm run seed`. It starts the server on a database in a temporary folder, and needs Chromium.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import { ROOT, startTemporaryServer } from './temporary-server.ts'

/** A person of `npm run seed`. */
const PERSON = { email: 'alice@example.com', password: 'correct horse battery' }
const VIEW = '/today'
const SIZE = { width: 1200, height: 760 }

async function picture(browser: Browser, url: string, colorScheme: 'light' | 'dark') {
  const context = await browser.newContext({ viewport: SIZE, deviceScaleFactor: 2, colorScheme })
  const page = await context.newPage()
  await page.goto(url + VIEW)
  await page.getByLabel('E-mail').fill(PERSON.email)
  await page.getByLabel('Password').fill(PERSON.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('row').first().waitFor()
  await page.evaluate('document.fonts.ready')
  await page.mouse.move(0, 0)
  await page.screenshot({ path: join(ROOT, `docs/images/page-${colorScheme}.png`) })
  await context.close()
}

async function takePictures(): Promise<void> {
  // Loading Playwright takes most of a second, which `--help` does not need.
  const { chromium } = await import('playwright-core')
  const { chromiumOptions } = await import('../web-tests/chromium.ts')
  const seed = (env: NodeJS.ProcessEnv) =>
    promisify(execFile)(process.execPath, ['tools/dev/seed.ts'], { cwd: ROOT, env })
  const server = await startTemporaryServer({ TZ: 'Europe/Berlin' }, seed)
  try {
    const browser = await chromium.launch(chromiumOptions())
    try {
      await picture(browser, server.url, 'light')
      await picture(browser, server.url, 'dark')
    } finally {
      await browser.close()
    }
  } finally {
    await server.close()
  }
}

try {
  readArguments({ usage: 'Usage: npm run screenshot' })
  await takePictures()
} catch (error) {
  endWithReason(error)
}
