import { describe, it } from 'node:test'
import type { Locator } from 'playwright-core'
import { add, openTwo, shows, signUp, useSite, type Visit } from './page-site.ts'

const details = ({ page }: Visit) => page.getByRole('complementary', { name: 'Details' })
const title = ({ page }: Visit) => page.getByRole('textbox', { name: 'Title' })
const description = (visit: Visit) => details(visit).getByRole('textbox', { name: 'Description' })

async function press({ page }: Visit, row: string, key: string): Promise<void> {
  await page.getByRole('row', { name: row }).focus()
  await page.keyboard.press(key)
}

async function has(field: Locator, text: string): Promise<void> {
  const handle = await field.elementHandle()
  await field
    .page()
    .waitForFunction(([element, wanted]) => (element as HTMLTextAreaElement).value === wanted, [
      handle,
      text,
    ] as const)
}

/** Types until the field is gone, without a pause in which it would save. */
async function typeUntilGone({ page }: Visit, field: Locator): Promise<void> {
  while (await field.isVisible()) await page.keyboard.type('9')
}

describe('fields that two devices edit', () => {
  const site = useSite()

  /** Two devices of one person that show a task "Before". */
  const begin = () => openTwo(site, 'Before')

  it('a title that was opened and left as it was stays as another device has changed it', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', 'e')
    await title(two).waitFor()
    await press(one, 'Before', 'e')
    await title(one).fill('Newer')
    await one.page.keyboard.press('Enter')
    await two.page.getByRole('row', { name: 'Newer' }).waitFor()
    await two.page.keyboard.press('Enter')
    await title(two).waitFor({ state: 'detached' })
    await add(two, 'Sent later')
    await shows(one, 'Sent later', 'Newer')
    await shows(two, 'Sent later', 'Newer')
  })

  it('Escape keeps the old title', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', 'e')
    await title(two).fill('A mistake')
    await two.page.keyboard.press('Escape')
    await title(two).waitFor({ state: 'detached' })
    await add(two, 'Sent later')
    await shows(one, 'Sent later', 'Before')
    await shows(two, 'Sent later', 'Before')
  })

  it('a text that was saved in a pause does not replace a later one when the person leaves', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', 'Enter')
    await description(two).fill('Ours')
    await one.page.getByText('Ours').waitFor()
    await press(one, 'Before', 'Enter')
    await description(one).fill('Theirs')
    await has(description(two), 'Theirs')
    await description(two).blur()
    await add(two, 'Sent later')
    await shows(one, 'Sent later', 'Before')
    await has(description(one), 'Theirs')
    await has(description(two), 'Theirs')
  })

  it('a text brings its task back, if the person wants it, when another device deletes the task', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', 'Enter')
    await description(two).fill('A long text ')
    await press(one, 'Before', 'Delete')
    await description(two).focus()
    await two.page.keyboard.press('End')
    await typeUntilGone(two, description(two))
    await two.page.getByRole('heading', { name: 'Changes that need you' }).waitFor()
    await two.page.getByRole('button', { name: 'Try again' }).first().click()
    await shows(one, 'Before')
    await press(one, 'Before', 'Enter')
    await one.page.waitForFunction(() =>
      /^A long text 9+$/.test(
        document.querySelector<HTMLTextAreaElement>('[aria-label=Description]')?.value ?? '',
      ),
    )
  })

  it('a title brings its task back, if the person wants it, when another device deletes the task', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', 'e')
    await title(two).fill('A new title')
    await press(one, 'Before', 'Delete')
    await shows(two)
    await two.page.getByRole('button', { name: 'Try again' }).click()
    await shows(two, 'A new title')
    await shows(one, 'A new title')
  })

  it('says that an undo is impossible because another device has deleted the task', async () => {
    const [one, two] = await begin()
    await press(two, 'Before', '1')
    await one.page.getByRole('row', { name: 'Before' }).getByText('High').first().waitFor()
    await press(one, 'Before', 'Delete')
    await shows(two)
    await two.page.keyboard.press('Control+z')
    await two.page.getByText('The task is deleted').waitFor()
    two.check()
  })

  for (const [width, pane] of [
    [1280, 'complementary'],
    [360, 'dialog'],
  ] as const) {
    it(`${width} px: D leads to the date, and # to the tags`, async () => {
      const visit = await site.open('/inbox', { viewport: { width, height: 800 } })
      const { page } = visit
      await signUp(visit)
      await add(visit, 'A task')
      for (const [key, field] of [
        ['d', 'date'],
        ['#', 'tags'],
      ] as const) {
        await press(visit, 'A task', key)
        await page.getByRole(pane, { name: 'Details' }).waitFor()
        await page.waitForFunction(
          (name) => document.activeElement?.getAttribute('data-field') === name,
          field,
        )
        await page.keyboard.press('Escape')
        await page.getByRole(pane, { name: 'Details' }).waitFor({ state: 'detached' })
      }
      visit.check()
    })
  }
})
