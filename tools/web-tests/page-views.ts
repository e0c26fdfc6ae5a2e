import type { Page } from 'playwright-core'
import { add, day, type Site, seed, signUp, type Visit } from './page-site.ts'

const VIEWS = ['inbox', 'today', 'upcoming', 'all', 'completed', 'trash', 'tags/work', 'settings']
const PARENT = '00000000-0000-7000-8000-000000000001'
const DELETED = 'In the trash'
const TASKS = [
  { title: 'Call Anna', priority: 'high', tags: ['work'], description: 'About the weekend' },
  { title: 'A title without a space, which has to break: '.padEnd(160, 'x'), id: PARENT },
  { title: 'A part of it', parent_id: PARENT, due_date: day(3) },
  { title: 'Send the invoice', due_date: day(-2), priority: 'low', tags: ['work'] },
  { title: 'Stand-up', due_date: day(), due_time: '09:30', due_zone: 'Europe/Berlin' },
  { title: 'Water the plants', due_date: day(1), recurrence: { rule: 'FREQ=DAILY', from: 'due' } },
  { title: 'Buy milk', completed: true, priority: 'medium' },
]

/** @returns a window of a new person, who has a task in every view. */
export async function openFilled(site: Pick<Site, 'open'>): Promise<Visit> {
  const visit = await site.open('/')
  const { page } = visit
  await signUp(visit)
  await seed(visit, TASKS)
  await page.getByRole('row', { name: 'Call Anna' }).waitFor()
  await add(visit, DELETED)
  await page.getByRole('row', { name: DELETED }).focus()
  await page.keyboard.press('Delete')
  await page.getByRole('row', { name: DELETED }).waitFor({ state: 'detached' })
  return visit
}

/** Opens every view in a window of that person, and inspects each when it shows its tasks. */
export async function inspectViews(
  page: Page,
  url: string,
  inspect: (view: string) => Promise<void>,
): Promise<void> {
  for (const view of VIEWS) {
    await page.goto(`${url}/${view}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    if (view !== 'settings') await page.getByRole('row').first().waitFor()
    await inspect(view)
  }
}
