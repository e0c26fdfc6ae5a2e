import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  add,
  day,
  focused,
  PASSWORD,
  seed,
  sent,
  shows,
  signUp,
  useSite,
  type Visit,
  watch,
} from './page-site.ts'

const NEW_PASSWORD = ' a battery of correct horses '
const IN_PAGE = fileURLToPath(new URL('page-renders.js', import.meta.url))

describe('what the page can do', () => {
  const site = useSite()

  /** The page of a new person. */
  async function begin(path = '/inbox'): Promise<Visit> {
    const visit = await site.open(path)
    await signUp(visit)
    return visit
  }

  it('understands dates, tags and priorities as chips, each of which can be text again', async () => {
    const visit = await begin()
    const { page } = visit
    const field = page.getByRole('textbox', { name: 'Add a task' })
    const chips = page.getByRole('list', { name: 'Understood' })
    await field.fill('Call Anna tomorrow 9am #work !high')
    await chips.getByText('Tomorrow').waitFor()
    await chips.getByText('9:00 AM').waitFor()
    await chips.getByText('work').waitFor()
    const marks = page.locator('form mark')
    assert.deepEqual(await marks.allTextContents(), ['tomorrow', '9am', '#work', '!high'])
    await page.getByRole('button', { name: 'Keep “!high” as text' }).click()
    assert.deepEqual(await marks.allTextContents(), ['tomorrow', '9am', '#work'])
    await chips.getByText('High').waitFor({ state: 'detached' })
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Upcoming' }).click()
    await shows(visit, 'Call Anna !high')
    await page.getByRole('row', { name: 'Call Anna' }).getByText('9:00 AM').waitFor()

    await field.fill('Read "the day after tomorrow"')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'All' }).click()
    await page.getByRole('row', { name: 'Read "the day after tomorrow"' }).waitFor()
    await page.getByRole('link', { name: 'work' }).click()
    await page.getByRole('heading', { name: '#work' }).waitFor()
    await shows(visit, 'Call Anna !high')
    await add(visit, 'Has the tag by itself')
    await shows(visit, 'Has the tag by itself', 'Call Anna !high')
    visit.check()
  })

  it('colours what it understands where it is written, also in a narrow field', async () => {
    const visit = await site.open('/inbox', { viewport: { width: 320, height: 640 } })
    const { page } = visit
    await signUp(visit)
    const field = page.getByRole('textbox', { name: 'Add a task' })
    await field.focus()
    await page.keyboard.type('A long text that does not fit into the field tomorrow')
    const mark = page.locator('form mark')
    await mark.waitFor()
    const [frame, end, scrolled] = await page.evaluate(() => {
      const input = document.querySelector<HTMLInputElement>('#add-task')
      const marked = document.querySelector('form mark')
      if (!input || !marked?.parentElement) throw new Error('No mark')
      const { right } = input.getBoundingClientRect()
      const lefts = [input.scrollLeft, marked.parentElement.scrollLeft]
      return [right, marked.getBoundingClientRect().right, lefts] as const
    })
    assert.ok(scrolled[0] !== undefined && scrolled[0] > 100)
    assert.equal(scrolled[0], scrolled[1])
    // The text ends at the padding of the field.
    assert.ok(Math.abs(frame - 8 - end) < 2, `${frame} ${end}`)
    await page.keyboard.press('Home')
    await page.waitForFunction(
      () => document.querySelector('form mark')?.parentElement?.scrollLeft === 0,
    )
    visit.check()
  })

  it('reads dates in the order of the region, and a recurrence', async () => {
    for (const [locale, shown, time] of [
      ['en-GB', '3 Dec 2039', '09:00'],
      ['en-US', 'Mar 12, 2039', '9:00 AM'],
    ] as const) {
      const visit = await site.open('/inbox', { locale })
      const { page } = visit
      await signUp(visit)
      const chips = page.getByRole('list', { name: 'Understood' })
      const field = page.getByRole('textbox', { name: 'Add a task' })
      await field.fill('Pay 3/12/2039')
      await chips.getByText(shown).waitFor()
      await field.fill('Call Anna every monday 9am #work !high')
      for (const text of ['Every Monday', time, 'work', 'High']) {
        await chips.getByText(text).waitFor()
      }
      visit.check()
    }
  })

  it('has everything of a task in the details', async () => {
    const visit = await begin()
    const { page } = visit
    await add(visit, 'Plan the trip')
    await page.getByRole('row', { name: 'Plan the trip' }).focus()
    await page.keyboard.press('Enter')
    const details = page.getByRole('complementary', { name: 'Details' })
    await details.getByRole('textbox', { name: 'Title' }).fill('Plan the long trip')
    await details.getByRole('textbox', { name: 'Description' }).fill('To the mountains')
    await details.getByLabel('Date', { exact: true }).and(page.locator('input')).fill(day(3))
    await details.getByLabel('Time', { exact: true }).fill('18:30')
    await details.getByLabel('Time zone').selectOption('Europe/Berlin')
    await details.getByLabel('Repeat').selectOption({ label: 'Every week' })
    await details.getByRole('radio', { name: 'High' }).check()
    await details.getByRole('combobox', { name: 'Add a tag' }).fill('travel')
    await page.keyboard.press('Enter')
    for (const item of ['Book', 'Pack']) {
      await details.getByRole('textbox', { name: 'Add an item' }).fill(item)
      await page.keyboard.press('Enter')
      await details.getByRole('checkbox', { name: item }).waitFor()
    }
    await details.getByRole('checkbox', { name: 'Book' }).check()
    await details.getByText('1 of 2 done').waitFor()
    await page.keyboard.press('Escape')
    await details.waitFor({ state: 'detached' })

    await page.getByRole('link', { name: 'Upcoming' }).click()
    const row = page.getByRole('row', { name: 'Plan the long trip' })
    for (const text of ['6:30 PM', 'High', 'travel', '1/2', 'To the mountains']) {
      await row.getByText(text).first().waitFor()
    }
    await sent(visit)
    // The server has made the next occurrence, one week later.
    await page.getByRole('checkbox', { name: 'Plan the long trip' }).check()
    await page.getByRole('heading', { name: 'Upcoming' }).waitFor()
    await page.getByRole('link', { name: 'Completed' }).click()
    await page.getByRole('row', { name: 'Plan the long trip' }).waitFor()
    await page.getByRole('link', { name: 'Upcoming' }).click()
    await page.getByRole('row', { name: 'Plan the long trip' }).waitFor()
    visit.check()
  })

  it('Escape in the details gives the focus back to the row', async () => {
    const visit = await begin()
    const { page } = visit
    await add(visit, 'One', 'Two')
    await page.getByRole('row', { name: 'One' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('textbox', { name: 'Description' }).focus()
    await page.keyboard.press('Escape')
    await page.getByRole('textbox', { name: 'Description' }).waitFor({ state: 'detached' })
    await page.locator('[role=row]:focus').waitFor()
    assert.equal(await focused(visit), 'row One')
  })

  it('acts on several tasks at once', async () => {
    const visit = await begin()
    const { page } = visit
    await add(visit, 'Three', 'Two', 'One')
    await page.getByRole('row', { name: 'One' }).click({ modifiers: ['Control'] })
    await page.getByRole('row', { name: 'Three' }).click({ modifiers: ['Shift'] })
    const bar = page.getByRole('toolbar', { name: 'Actions for the selected tasks' })
    await bar.getByText('3 selected').waitFor()
    await bar.getByRole('button', { name: 'Priority' }).click()
    await page.getByRole('menuitem', { name: 'High' }).click()
    await page.getByRole('row', { name: 'Two' }).getByText('High').waitFor()
    await bar.getByRole('button', { name: 'Due' }).click()
    await page.getByRole('menuitem', { name: 'Today' }).click()
    await shows(visit)
    await page.keyboard.press('Control+z')
    await shows(visit, 'One', 'Two', 'Three')
    visit.check()
  })

  it('the bar for several tasks has one line, from 320 to 1280 px', async () => {
    const visit = await begin()
    const { page } = visit
    await add(visit, 'A long title that fills its row '.repeat(8).trim(), 'Short')
    for (const width of [1280, 1000, 600, 320]) {
      await page.setViewportSize({ width, height: 600 })
      await page.getByRole('row', { name: 'Short' }).focus()
      await page.keyboard.press('Control+a')
      const bar = page.getByRole('toolbar')
      const box = await bar.boundingBox()
      assert.ok(box && box.x >= 0 && box.x + box.width <= width, `${width}`)
      const tops = await bar.getByRole('button').evaluateAll((buttons) =>
        buttons.map((button) => {
          const { top, height } = button.getBoundingClientRect()
          return Math.round(top + height / 2)
        }),
      )
      assert.equal(new Set(tops).size, 1, `${width}: ${tops}`)
      assert.ok(box.height < 56, `${width}: ${box.height}`)
    }
    visit.check()
  })

  it('single letters are no keys if they are switched off', async () => {
    const visit = await begin('/settings')
    const { page } = visit
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('checkbox', { name: 'Single letters are keys' }).uncheck()
    await page.getByRole('link', { name: 'Inbox' }).click()
    await add(visit, 'One')
    await page.getByRole('row', { name: 'One' }).focus()
    await page.keyboard.press('c')
    await page.keyboard.press('?')
    await page.keyboard.press('Alt+ArrowUp')
    assert.equal(await page.getByRole('dialog').count(), 0)
    assert.equal(await page.getByRole('checkbox', { name: 'One' }).isChecked(), false)
    await page.keyboard.press('Space')
    await shows(visit)
    visit.check()
  })

  it('exports the tasks, changes the name and the password, and deletes the account', async () => {
    const visit = await site.open('/inbox')
    const { page } = visit
    const email = await signUp(visit)
    await add(visit, 'Keep me')
    await page.getByRole('link', { name: 'Settings' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export tasks as JSON' }).click()
    const { tasks } = JSON.parse(readFileSync(await (await download).path(), 'utf8'))
    assert.deepEqual(
      tasks.map((task: { title: string }) => task.title),
      ['Keep me'],
    )
    await page.getByText('This device', { exact: true }).waitFor()

    await page.getByLabel('Name').fill('Countess')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved').waitFor()
    const password = page.locator('form').filter({ has: page.getByLabel('Current password') })
    for (const current of ['not the password', PASSWORD]) {
      await password.getByLabel('Current password').fill(current)
      await password.getByLabel('New password').fill(NEW_PASSWORD)
      await password.getByRole('button', { name: 'Change' }).click()
      const said = current === PASSWORD ? 'Saved' : 'Invalid password'
      await password.getByRole('status').getByText(said).waitFor()
    }
    await page.getByLabel('Password', { exact: true }).fill(NEW_PASSWORD)
    await page.getByRole('button', { name: 'Delete my account' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete my account' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('not right').waitFor()
  })

  it('a change of one task renders that row alone', async () => {
    const context = await site.browser.newContext()
    const page = await context.newPage()
    await page.addInitScript({ path: IN_PAGE })
    const visit = watch(page, site.url)
    await page.goto(`${site.url}/all`)
    await signUp(visit)
    await seed(visit, [
      { title: 'Three', tags: ['work'], due_date: day(1) },
      { title: 'Two' },
      { title: 'One', due_date: day(), due_time: '09:00', description: 'A text' },
    ])
    await page.getByRole('link', { name: 'All' }).click()
    await shows(visit, 'One', 'Two', 'Three')
    const row = page.getByRole('row', { name: 'Two' })
    await row.focus()
    await page.evaluate('renders.clear()')
    await page.keyboard.press('1')
    await row.getByText('High').waitFor()
    await sent(visit)
    assert.deepEqual(await page.evaluate('[...renders]'), ['Two'])
    await context.close()
  })

  it('2 000 tasks: the list renders a part, keys and search reach all of them', async () => {
    const visit = await begin()
    const { page } = visit
    const tasks = Array.from({ length: 2_000 }, (_, n) => ({ title: `Task ${n} of many` }))
    await seed(visit, tasks)
    await page.getByText('2000 tasks').waitFor()
    const rendered = () => page.getByRole('row').count()
    assert.ok((await rendered()) < 100)
    await page.getByRole('row', { name: 'Task 1999 of many' }).focus()
    await page.keyboard.press('End')
    await page.getByRole('row', { name: 'Task 0 of many' }).waitFor()
    assert.equal(await focused(visit), 'row Task 0 of many')
    assert.ok((await rendered()) < 100)
    await page.keyboard.press('ArrowUp')
    assert.equal(await focused(visit), 'row Task 1 of many')
    await page.keyboard.press('Home')
    await page.getByRole('row', { name: 'Task 1999 of many' }).waitFor()
    assert.equal(await focused(visit), 'row Task 1999 of many')
    await page.getByRole('searchbox', { name: 'Search' }).fill('1542')
    await shows(visit, 'Task 1542 of many')
    visit.check()
  })
})
