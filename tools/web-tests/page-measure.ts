/**
 * Measures the page with many tasks in Chromium: scrolling, searching, completing a task and typing a new one. It
 * prints the median and the longest task of the main thread for each step, in milliseconds: of the processor, which
 * other programs on the machine do not change, and of the clock.
 *
 * Usage: node tools/web-tests/page-measure.ts [--tasks 10000], after npm run build:web, in one minute
 */
import { type CDPSession, chromium, type Page } from 'playwright-core'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import { startTemporaryServer } from '../dev/temporary-server.ts'
import { chromiumOptions } from './chromium.ts'
import { day, openWindow, seed, signUp } from './page-site.ts'

const STEPS = 100
const LONGEST_MS = 120_000
const QUERIES = ['invoice', 'plants', '4711', 'anna work']
const LIVES = [
  { title: 'Send the invoice', tags: ['work'], priority: 'high' },
  { title: 'Water the plants', due_time: '09:30', due_zone: 'Europe/Berlin' },
  { title: 'Call Anna', description: 'About the weekend and the work before it', tags: ['home'] },
  { title: 'Buy milk' },
] as const

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** The times of one task of the main thread, in milliseconds. */
interface Times {
  readonly processor: number
  readonly clock: number
}

/** For each step, the longest task of the main thread, and the sum of its tasks. */
interface Traced {
  readonly longest: readonly Times[]
  readonly sums: readonly Times[]
}

function join(all: readonly Traced[]): Traced {
  return {
    longest: all.flatMap(({ longest }) => longest),
    sums: all.flatMap(({ sums }) => sums),
  }
}

function typing(page: Page, keys: readonly string[]): (() => Promise<unknown>)[] {
  return keys.map((key) => () => page.keyboard.press(key))
}

async function trace(
  session: CDPSession,
  page: Page,
  steps: readonly (() => Promise<unknown>)[],
): Promise<Traced> {
  const longest: Times[] = []
  const sums: Times[] = []
  for (const step of steps) {
    const events: TraceEvent[] = []
    const collect = ({ value }: { value: unknown[] }) => events.push(...(value as TraceEvent[])) // as Chromium documents
    session.on('Tracing.dataCollected', collect)
    await session.send('Tracing.start', {
      traceConfig: {
        includedCategories: ['disabled-by-default-devtools.timeline', 'toplevel'],
        excludedCategories: ['*'],
      },
      transferMode: 'ReportEvents',
    })
    await step()
    await settle(page)
    const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve))
    await session.send('Tracing.end')
    await complete
    session.off('Tracing.dataCollected', collect)
    const tasks = tasksOf(events)
    longest.push(worst(tasks))
    sums.push({ processor: sum(tasks, 'processor'), clock: sum(tasks, 'clock') })
  }
  return { longest, sums }
}

/** Waits for two frames, so that what the step changed is drawn. */
function settle(page: Page): Promise<unknown> {
  return page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  )
}

function tasksOf(events: readonly TraceEvent[]): Times[] {
  const runs = events.filter(({ name, ph }) => name === 'RunTask' && ph === 'X')
  const main = mainThreadOf(events, runs)
  return runs
    .filter(({ pid, tid }) => `${pid} ${tid}` === main)
    .map(({ dur = 0, tdur = 0 }) => ({ processor: tdur / 1_000, clock: dur / 1_000 }))
}

/** @returns the renderer's main thread that worked most: other renderers are idle. */
function mainThreadOf(events: readonly TraceEvent[], runs: readonly TraceEvent[]): string {
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  const worked = new Map<string, number>()
  for (const { pid, tid, dur = 0 } of runs) {
    const thread = `${pid} ${tid}`
    if (mains.has(thread)) worked.set(thread, (worked.get(thread) ?? 0) + dur)
  }
  return [...worked].sort(([, a], [, b]) => b - a)[0]?.[0] ?? ''
}

function worst(tasks: readonly Times[]): Times {
  const none = { processor: 0, clock: 0 }
  return tasks.reduce((most, task) => (task.clock > most.clock ? task : most), none)
}

function sum(tasks: readonly Times[], name: keyof Times): number {
  return tasks.reduce((total, task) => total + task[name], 0)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function print(name: string, { longest, sums }: Traced): void {
  const say = (all: readonly Times[], kind: keyof Times) => {
    const values = all.map((times) => times[kind])
    return `${median(values).toFixed(1).padStart(7)} ${Math.max(...values)
      .toFixed(1)
      .padStart(7)}`
  }
  console.log(
    `${name.padEnd(22)} ${say(longest, 'processor')}  ${say(longest, 'clock')}  ${say(sums, 'processor')}  ${say(sums, 'clock')}`,
  )
}

async function measure(count: number): Promise<void> {
  const limits = { ACCOUNT_LIMITS: 'off', RATE_LIMIT_PER_MINUTE: '0' }
  const server = await startTemporaryServer(limits)
  const browser = await chromium.launch(chromiumOptions())
  try {
    const visit = await openWindow(browser, server.url, '/all')
    const { page } = visit
    page.setDefaultTimeout(LONGEST_MS)
    await signUp(visit)
    const tasks = Array.from({ length: count }, (_, n) => {
      const life = LIVES[n % LIVES.length]
      const completed = n % 5 === 4
      const date = n % 3 === 0 || (life && 'due_time' in life) ? { due_date: day(n % 60) } : {}
      return { ...life, ...date, completed, title: `${life?.title} ${n}` }
    })
    await seed(visit, tasks)
    const open = tasks.filter(({ completed }) => !completed).length
    await page.getByRole('link', { name: 'All' }).click()
    await page.getByText(`${open} tasks`).waitFor()
    // The texts for the search are prepared in parts.
    await page.waitForTimeout(3_000)
    const session = await page.context().newCDPSession(page)
    console.log(`${''.padEnd(22)} longest task: CPU, clock (median, most)   all tasks: CPU, clock`)

    await page.mouse.move(600, 400)
    const wheel = () => page.mouse.wheel(0, 600)
    print('one step of the wheel', await trace(session, page, Array(STEPS).fill(wheel)))
    const jump = (n: number) => () => page.evaluate((y) => scrollTo(0, y), ((n * 7919) % open) * 54)
    const jumps = Array.from({ length: 20 }, (_, n) => jump(n))
    print('a jump in the list', await trace(session, page, jumps))
    await page.evaluate(() => scrollTo(0, 0))

    const search = page.getByRole('searchbox', { name: 'Search' })
    await search.focus()
    const firsts: Traced[] = []
    const others: Traced[] = []
    for (const [first = '', ...rest] of QUERIES) {
      firsts.push(await trace(session, page, [() => page.keyboard.press(first)]))
      others.push(await trace(session, page, typing(page, rest)))
      await search.fill('')
    }
    print('the first letter', join(firsts))
    print('a letter of a search', join(others))

    await page.getByRole('heading', { name: 'All' }).waitFor()
    const boxes = page.getByRole('checkbox')
    const toggle = () => boxes.nth(3).click()
    print('completing a task', await trace(session, page, Array(10).fill(toggle)))
    const field = page.getByRole('textbox', { name: 'Add a task' })
    await field.focus()
    const letters = typing(page, [...'Call Bob tomorrow 9am #work'])
    print('a letter of a new task', await trace(session, page, letters))
    await page.keyboard.press('Enter')
    for (const [name, key] of [
      ['Tab in the list', 'j'],
      ['selecting', 'x'],
    ] as const) {
      await page.getByRole('row').first().focus()
      const press = () => page.keyboard.press(key)
      print(name, await trace(session, page, Array(20).fill(press)))
    }
  } finally {
    await browser.close()
    await server.close()
  }
}

const USAGE = 'Usage: node tools/web-tests/page-measure.ts [--tasks 10000]'

try {
  const { texts } = readArguments({ usage: USAGE, texts: ['tasks'] })
  await measure(Number(texts.get('tasks') ?? '10000'))
} catch (error) {
  endWithReason(error)
}
