import assert from 'node:assert/strict'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { testFolder } from '../../backend/tests/support/databases.ts'
import { runProgram } from '../../backend/tests/support/process.ts'
import { openBrowser } from './chromium.ts'
import { serveSite } from './site.ts'
import { readSnippets } from './snippets.ts'

const ROOT = new URL('../../', import.meta.url)
const MODULES = fileURLToPath(new URL('node_modules', ROOT))
const PERSON = { name: 'Ann', email: 'ann@example.com', password: 'correct horse battery' }

const ENTRY = `
export { createClient } from '@todo-backend/client'
export { accounts, openTasks } from './open-tasks'
export { showTasks } from './plain'
export { tidyUp } from './transport'
export { watch } from './watch'
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './tasks'
export const render = () => createRoot(document.body).render(createElement(App))
`

const CONFIGURATION = {
  extends: fileURLToPath(new URL('web/tsconfig.json', ROOT)),
  compilerOptions: { types: [] },
  include: ['*.ts', '*.tsx'],
}

describe('the README of the client', () => {
  let browser: Browser
  let app: TestApp
  let page: Page
  let folder: string
  before(async () => {
    folder = await testFolder()
    for (const { name, source } of readSnippets(new URL('client/README.md', ROOT))) {
      writeFileSync(join(folder, name), source)
    }
    writeFileSync(join(folder, 'entry.ts'), ENTRY)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIGURATION))
    symlinkSync(MODULES, join(folder, 'node_modules'))
    await build({
      ...{ configFile: false, logLevel: 'silent', root: folder },
      build: {
        lib: { entry: 'entry.ts', formats: ['es'], fileName: () => 'entry.js' },
        minify: false,
      },
      define: { 'process.env.NODE_ENV': '"production"' },
    })
    const code = readFileSync(join(folder, 'dist/entry.js'), 'utf8')
    browser = await openBrowser()
    app = await startApp('pglite', { ACCOUNT_LIMITS: 'off' })
    const api = new URL(`http://127.0.0.1:${app.port}`)
    const port = await serveSite({ '/entry.js': code }, (path) =>
      path.startsWith('/api/') ? new URL(path, api) : undefined,
    )
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.evaluate(`import('/entry.js').then((all) => { globalThis.all = all })`)
    await page.evaluate(`all.accounts.signUp(${JSON.stringify(PERSON)})`)
  })
  after(async () => {
    await browser.close()
    await app.close()
  })

  it('has modules without an error of types', async () => {
    const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT))
    await runProgram(process.execPath, [tsc, '--noEmit', '-p', folder], { cwd: folder })
  })

  it('a page without a framework shows tasks, adds them and completes them', async () => {
    await page.evaluate(`document.body.innerHTML = '<ul></ul><form><input name="title"></form>'`)
    await page.evaluate(`all.openTasks().then((sync) => {
      globalThis.sync = sync
      all.showTasks(sync, document.querySelector('ul'), document.querySelector('form'))
    })`)
    for (const title of ['Buy milk', 'Buy bread']) {
      await page.fill('input', title)
      await page.press('input', 'Enter')
      await page.waitForSelector(`li:text-is("${title}")`)
    }
    await page.click('li:text-is("Buy bread")')
    await page.waitForSelector('li:text-is("Buy bread")', { state: 'detached' })
    assert.equal(await page.textContent('ul'), 'Buy milk')
    await page.evaluate('sync.stop()')
  })

  it('a page in React shows tasks, completes them, and its status', async () => {
    await page.evaluate('all.render()')
    await page.waitForSelector('[role=status]:text-is("live, 0 not sent")')
    await page.click('label:has-text("Buy milk")')
    await page.waitForSelector('li', { state: 'detached' })
    await page.waitForSelector('[role=status]:text-is("live, 0 not sent")')
    const tasks = await app.admin('select title, completed from todo.tasks order by title')
    assert.deepEqual(
      tasks.map(({ title, completed }) => [title, String(completed)]),
      [
        ['Buy bread', 'true'],
        ['Buy milk', 'true'],
      ],
    )
  })

  it('a program without the sync changes and watches tasks', async () => {
    await page.evaluate(`(async () => {
      globalThis.client = all.createClient({ baseUrl: '', token: all.accounts.token })
      for (const title of ['one', 'two']) {
        await client.request('POST /api/{user_id}/tasks', { body: { title, tags: ['old'] } })
      }
    })()`)
    assert.equal(await page.evaluate(`all.tidyUp('', all.accounts.token)`), 2)
    const titles = await page.evaluate(`new Promise((resolve) => {
      const seen = new Set()
      const ending = new AbortController()
      const done = all.watch(client, (title) => {
        seen.add(title)
        if (seen.size === 4) {
          ending.abort()
          done.then(() => resolve([...seen].sort()))
        }
      }, ending.signal)
    })`)
    assert.deepEqual(titles, ['Buy bread', 'Buy milk', 'one', 'two'])
  })
})
