import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  add,
  goOffline,
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

async function seesForm({ page }: Visit): Promise<void> {
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  assert.equal(await page.getByRole('row').count(), 0)
}

/** @returns the names of the texts and the databases that this browser stores. */
function stored({ page }: Visit): Promise<{ texts: string[]; databases: (string | undefined)[] }> {
  return page.evaluate(async () => ({
    texts: Object.keys(localStorage).sort(),
    databases: (await indexedDB.databases()).map(({ name }) => name),
  }))
}

async function anotherTab({ page }: Visit, url: string): Promise<Visit> {
  const tab = watch(await page.context().newPage(), url)
  await tab.page.goto(`${url}/inbox`)
  return tab
}

describe('people who share one browser', () => {
  const site = useSite()

  it('a sign-out in one tab shows the form in the others, and deletes the tasks', async () => {
    const one = await site.open('/inbox')
    await signUp(one, 'Ada')
    await add(one, 'A secret of Ada')
    const two = await anotherTab(one, site.url)
    await shows(two, 'A secret of Ada')
    await signOut(one, 'Ada')
    await seesForm(one)
    await seesForm(two)
    await signUp(two, 'Bob')
    await shows(two)
    const { databases, texts } = await stored(two)
    assert.equal(databases.length, 1)
    assert.deepEqual(texts, ['todo.user'])
    // The first tab has become Bob's as well.
    await one.page.getByRole('button', { name: 'Bob', exact: true }).waitFor()
    await shows(one)
  })

  it('a deletion that cannot end hides the tasks all the same, and the next start ends it', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    await sent(visit)
    await page.evaluate(() => {
      IDBFactory.prototype.deleteDatabase = () => new EventTarget() as IDBOpenDBRequest
    })
    await signOut(visit, 'Ada')
    await seesForm(visit)
    assert.equal((await stored(visit)).databases.length, 1)
    await page.waitForFunction(() => localStorage.getItem('todo.sign-out') === null)
    await page.reload()
    await seesForm(visit)
    await page.waitForFunction(async () => (await indexedDB.databases()).length === 0)
    await page.waitForFunction(() => localStorage.length === 0)
  })

  it('a sign-out without connection hides the tasks, and ends the session later', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    const ada = await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    await sent(visit)
    const session = () => page.evaluate(async () => (await fetch('/api/auth/get-session')).json())
    await goOffline(visit)
    await signOut(visit, 'Ada')
    await seesForm(visit)
    await page.getByText('You are signed out on this device').waitFor()
    assert.deepEqual((await stored(visit)).texts, ['todo.sign-out'])
    await page.context().setOffline(false)
    await page.getByText('You are signed out on this device').waitFor({ state: 'detached' })
    assert.equal(await session(), null)
    await signIn(visit, ada)
    await shows(visit, 'A secret of Ada')
  })

  it('a start after a sign-out without connection ends the session, and shows nothing', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    await sent(visit)
    await page.route('**/api/auth/sign-out', (route) => route.abort())
    await signOut(visit, 'Ada')
    await page.getByText('You are signed out on this device').waitFor()
    await page.reload()
    await seesForm(visit)
    await page.getByText('You are signed out on this device').waitFor()
    await page.unroute('**/api/auth/sign-out')
    await page.reload()
    await seesForm(visit)
    await page.waitForFunction(() => localStorage.length === 0)
    const session = await page.evaluate(async () => (await fetch('/api/auth/get-session')).json())
    assert.equal(session, null)
  })

  it('a session that was asked for before a sign-out does not come back', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    await sent(visit)
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>()
    await page.route(
      '**/api/auth/get-session',
      async (route) => {
        const response = await route.fetch()
        await held
        await route.fulfill({ response })
        pass()
      },
      { times: 1 },
    )
    await page.reload()
    await shows(visit, 'A secret of Ada')
    await signOut(visit, 'Ada')
    await seesForm(visit)
    release()
    await passed
    await page.waitForFunction(() => localStorage.length === 0)
    await seesForm(visit)
    await page.reload()
    await seesForm(visit)
    assert.deepEqual(await stored(visit), { texts: [], databases: [] })
  })

  it('a page that wakes up shows who is signed in now', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Ada')
    await add(visit, 'A secret of Ada')
    await sent(visit)
    // While the page slept, the session ended, and no event has reached it.
    await page.context().clearCookies()
    const wake = () =>
      page.evaluate(() =>
        window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
      )
    await wake()
    await seesForm(visit)
    await page.evaluate(() => localStorage.clear())
    await wake()
    await page.getByText('Your session has ended').waitFor({ state: 'detached' })
    await seesForm(visit)
  })

  it('a session that was lost in two tabs comes back in both', async () => {
    const one = await site.open('/inbox')
    await signUp(one, 'Ada')
    await add(one, 'A task')
    const two = await anotherTab(one, site.url)
    await shows(two, 'A task')
    await one.page.context().clearCookies()
    for (const visit of [one, two]) {
      await visit.page.evaluate(() =>
        window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
      )
      await seesForm(visit)
    }
    await one.page.getByLabel('Password').fill(PASSWORD)
    await one.page.getByRole('button', { name: 'Sign in' }).click()
    await shows(one, 'A task')
    await shows(two, 'A task')
  })

  it('a database that never opens leaves the page with tasks in memory', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    await signUp(visit, 'Ada')
    await add(visit, 'A task')
    await sent(visit)
    await page.addInitScript(() => {
      IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest
      const { setTimeout } = window
      const soon = (run: () => void, ms?: number) => setTimeout(run, ms === 5_000 ? 10 : ms)
      window.setTimeout = soon as typeof window.setTimeout
    })
    await page.reload()
    await shows(visit, 'A task')
  })
})
