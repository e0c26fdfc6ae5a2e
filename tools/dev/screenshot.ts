/**
 * `npm run screenshot`: takes the pictures of the page in docs/images, in light and in dark, with the tasks of
 * `npm run seed`. It starts the server on a database in a temporary folder, and needs Chromium.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import { freePort } from '../bench/servers/start-server.ts'
import { chromiumOptions } from '../web-tests/chromium.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
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
  const folder = await mkdtemp(join(tmpdir(), 'todo-screenshot-'))
  const port = await freePort()
  const environment = {
    PATH: process.env.PATH,
    TZ: 'Europe/Berlin',
    DATABASE_URL: `pglite:${join(folder, 'tasks')}`,
    PORT: String(port),
  }
  const options = { cwd: ROOT, env: environment }
  await promisify(execFile)(process.execPath, ['tools/dev/seed.ts'], options)
  const server = spawn(process.execPath, ['backend/src/main.ts'], { ...options, stdio: 'pipe' })
  try {
    // The server prints its address when it listens.
    await once(server.stdout, 'data')
    const browser = await chromium.launch(chromiumOptions())
    try {
      const url = `http://127.0.0.1:${port}`
      await picture(browser, url, 'light')
      await picture(browser, url, 'dark')
    } finally {
      await browser.close()
    }
  } finally {
    server.kill()
    await once(server, 'exit')
    await rm(folder, { recursive: true })
  }
}

try {
  readArguments({ usage: 'Usage: npm run screenshot' })
  await takePictures()
} catch (error) {
  endWithReason(error)
}
