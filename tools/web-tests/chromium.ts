/**
 * Finds Chromium for the tests of `npm run test:web`. As a program, it fails if there is no Chromium.
 *
 * Usage: node tools/web-tests/chromium.ts
 */
import { accessSync, constants } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { endWithTest } from '../../backend/tests/support/started.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
/** Chromium sends no request of its own. QUIC is off, because the servers of the tests speak TCP. */
const FLAGS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
]

/** @returns the path of the installed Chromium, or undefined. */
function findChromium(path = process.env.PATH ?? ''): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const MISSING =
  'There is no Chromium in PATH, which npm run test:web needs: install the package chromium, such as with apt-get install chromium'

/** Starts Chromium, whose contexts are private windows, and ends it with the test. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch(chromiumOptions())
  endWithTest('Chromium', () => browser.close())
  return browser
}

/**
 * Starts Chromium with a profile that permits cookies of other sites, and ends it with the test. A private window
 * blocks them, and so does Debian's Chromium by default.
 *
 * @param folder is empty, and becomes the profile.
 */
export async function openPermissiveProfile(folder: string): Promise<BrowserContext> {
  await mkdir(join(folder, 'Default'))
  const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } }
  await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
  const all = { ...chromiumOptions(), ignoreHTTPSErrors: true }
  const context = await chromium.launchPersistentContext(folder, all)
  endWithTest('Chromium with a profile', () => context.close())
  return context
}

/** How the tests start Chromium. */
export function chromiumOptions() {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(MISSING)
  // root cannot use Chromium's sandbox. The pages are our own.
  return { executablePath, args: FLAGS, chromiumSandbox: false }
}

if (import.meta.main && findChromium() === undefined) {
  console.error(MISSING)
  process.exit(1)
}
