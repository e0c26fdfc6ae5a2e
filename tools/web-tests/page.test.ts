import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { add, focused, PASSWORD, shows, signUp, useSite, type Visit } from './page-site.ts'

describe('the life of a task', () => {
  const site = useSite()

  const menus = ({ page }: Visit) => ({
    async choose(title: string, item: string) {
      await page.getByRole('row', { name: title }).getByRole('button').click()
      await page.getByRole('menuitem', { name: item, exact: true }).click()
    },
  })

  it('by mouse alone, after the typing: order and title', async () => {
    const visit = await site.open('/')
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Buy milk', 'Buy bread', 'Buy cheese')
    await shows(visit, 'Buy cheese', 'Buy bread', 'Buy milk')
    const { choose } = menus(visit)

    await choose('Buy milk', 'Move up')
    await shows(visit, 'Buy cheese', 'Buy milk', 'Buy bread')
    await choose('Buy cheese', 'Move down')
    await shows(visit, 'Buy milk', 'Buy cheese', 'Buy bread')
    await choose('Buy bread', 'Move to top')
    await shows(visit, 'Buy bread', 'Buy milk', 'Buy cheese')
    await page.getByRole('status').getByRole('button', { name: 'Undo' }).click()
    await shows(visit, 'Buy milk', 'Buy cheese', 'Buy bread')
    const from = page.getByRole('row', { name: 'Buy bread' })
    await from.dragTo(page.getByRole('row', { name: 'Buy milk' }), {
      targetPosition: { x: 200, y: 4 },
    })
    await shows(visit, 'Buy bread', 'Buy milk', 'Buy cheese')

    await choose('Buy milk', 'Edit')
    await page.getByRole('textbox', { name: 'Title' }).fill('Buy oat milk')
    await page.getByRole('heading', { name: 'Inbox' }).click()
    await shows(visit, 'Buy bread', 'Buy oat milk', 'Buy cheese')
    visit.check()
  })

  it('by mouse alone, after the typing: completion, dates and trash', async () => {
    const visit = await site.open('/')
    const { page } = visit
    await signUp(visit)
    await add(visit, 'Buy oat milk', 'Buy bread')
    const { choose } = menus(visit)
    await page.getByRole('checkbox', { name: 'Buy bread' }).check()
    await shows(visit, 'Buy oat milk')
    await page.getByRole('link', { name: 'Completed' }).click()
    await shows(visit, 'Buy bread')
    await page.getByRole('checkbox', { name: 'Buy bread' }).uncheck()
    await shows(visit)
    await page.getByRole('link', { name: 'All' }).click()
    await shows(visit, 'Buy bread', 'Buy oat milk')

    await choose('Buy oat milk', 'Due today')
    await page.getByRole('link', { name: 'Today' }).click()
    await shows(visit, 'Buy oat milk')
    await choose('Buy oat milk', 'Due tomorrow')
    await shows(visit)
    await page.getByRole('link', { name: 'Upcoming' }).click()
    await shows(visit, 'Buy oat milk')

    await choose('Buy oat milk', 'Delete')
    await shows(visit)
    await page.getByRole('link', { name: 'Trash' }).click()
    await shows(visit, 'Buy oat milk')
    await page.getByRole('button', { name: 'Restore' }).click()
    await shows(visit)
    await page.getByRole('link', { name: 'Upcoming' }).click()
    await shows(visit, 'Buy oat milk')
    visit.check()
  })

  it('by keyboard alone, and the focus is never lost', async () => {
    const visit = await site.open('/')
    const { page } = visit
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await page.getByLabel('E-mail').and(page.locator(':focus')).waitFor()
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Enter')
    await page.getByLabel('Name').waitFor()
    await page.keyboard.type('Bea')
    await press('Tab')
    await page.keyboard.type(`bea-${process.pid}@example.com`)
    await press('Tab')
    await page.keyboard.type(PASSWORD)
    await press('Enter')
    await page.getByRole('textbox', { name: 'Add a task' }).waitFor()

    await press('q')
    for (const title of ['Three', 'Two', 'One']) {
      await page.keyboard.type(title)
      await press('Enter')
      await page.getByRole('row', { name: title }).waitFor()
    }
    await shows(visit, 'One', 'Two', 'Three')
    await page.keyboard.press('Tab')
    assert.equal(await focused(visit), 'row One')
    await press('Alt+ArrowDown')
    await shows(visit, 'Two', 'One', 'Three')
    assert.equal(await focused(visit), 'row One')
    await press('Alt+ArrowUp')
    await shows(visit, 'One', 'Two', 'Three')
    await press('ArrowDown', 'e')
    await page.getByRole('textbox', { name: 'Title' }).waitFor()
    await press('Control+A')
    await page.keyboard.type('Second')
    await press('Enter')
    await shows(visit, 'One', 'Second', 'Three')
    assert.equal(await focused(visit), 'row Second')

    await press('Space')
    await shows(visit, 'One', 'Three')
    assert.equal(await focused(visit), 'row Three')
    await press('Control+z')
    await shows(visit, 'One', 'Second', 'Three')
    await press('Delete')
    await shows(visit, 'One', 'Second')
    assert.equal(await focused(visit), 'row Second')
    await press('Control+z')
    await shows(visit, 'One', 'Second', 'Three')

    await press('x', 'Shift+ArrowUp', 'Delete')
    await shows(visit, 'Three')
    assert.equal(await focused(visit), 'row Three')
    await press('Delete')
    await shows(visit)
    assert.equal(await focused(visit), 'h1 Inbox')
    await press('z')
    await shows(visit, 'Three')

    await press('g', 't')
    await page.getByRole('heading', { name: 'Today', level: 1 }).waitFor()
    assert.equal(await focused(visit), 'h1 Today')
    await press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await press('Escape')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' })
    assert.equal(await focused(visit), 'h1 Today')
    visit.check()
  })
})
