import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Request } from '../data/work.ts'
import { FEATURES, Requests } from '../task-features/features.ts'
import {
  type OnDatabase,
  type Round,
  ratiosOf,
  searchFigures,
  summary,
  type TaskFeaturesReport,
  toMarkdown,
} from '../task-features/report.ts'

const SECRET = 'x'.repeat(32)

const owner = (userId: string, from: number) => ({
  userId,
  taskIds: Array.from({ length: 3 }, (_, n) => `00000000-0000-7000-8000-00000000000${from + n}`),
})
const population = {
  readers: [owner('reader-1', 0)],
  movers: [owner('mover-1', 3)],
  recurring: [owner('recurring-1', 6), owner('recurring-2', 6)],
  makers: [owner('maker-1', 0)],
  others: [owner('other-1', 0)],
  busiest: owner('busiest-1', 0),
}

const asked: Request[] = []
const requests = await Requests.of(population, SECRET, async (request) => {
  asked.push(request)
  return '{"token":"a-position"}'
})

/** The next request of a feature. */
const nextOf = (title: string) => {
  const feature = FEATURES.find((one) => one.title === title)
  assert.ok(feature, title)
  return feature.source(requests).next()
}

describe('the requests of the task features', () => {
  it('read the position of each reader in the feed, and continue there', () => {
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/api/reader-1/tasks/changes?limit=100'],
    )
    assert.equal(
      nextOf('feed, page of 100').path,
      '/api/reader-1/tasks/changes?limit=100&since=a-position',
    )
  })

  it('have a measure before those that are compared with it', () => {
    for (const [at, { beside }] of FEATURES.entries()) {
      if (beside === undefined) continue
      const measure = FEATURES.findIndex(({ title }) => title === beside)
      assert.ok(measure >= 0 && measure < at, beside)
      assert.equal(FEATURES[measure]?.beside, undefined)
    }
  })

  it('ask for every order of the list, and for pages of 50', () => {
    const pages = FEATURES.filter(({ beside }) => beside === 'list 50').map(({ title }) =>
      nextOf(title),
    )
    const sorts = pages.flatMap(({ path }) => /sort=([^&]+)/.exec(path)?.[1] ?? [])
    assert.equal(new Set(sorts).size, 10)
    for (const { path } of pages) assert.match(path, /^\/api\/reader-1\/tasks\?limit=50&[^ {}]+$/)
  })

  it('name a task to move and another one as its neighbour', () => {
    const { path, body = '' } = nextOf('move among 1 000 tasks')
    const [, id] = /^\/api\/mover-1\/tasks\/([^/]+)\/move$/.exec(path) ?? []
    assert.ok(id)
    assert.notEqual(JSON.parse(body).after, id)
  })

  it('send 100 operations in a batch', () => {
    const { operations } = JSON.parse(nextOf('batch of 100 creates').body ?? '')
    assert.equal(operations.length, 100)
  })

  it('complete each occurrence once, of one user after the other, then those that the responses name', () => {
    const source = requests.completions()
    const first = Array.from({ length: 6 }, () => source.next())
    assert.equal(new Set(first.map(({ path }) => path)).size, 6)
    for (const [at, { path }] of first.entries()) {
      assert.ok(path.startsWith(`/api/recurring-${(at % 2) + 1}/`), path)
    }
    assert.throws(() => source.next(), /no recurring tasks/)
    const [{ path, token }] = first as [Request, ...Request[]] // six
    const link = '</api/recurring-1/tasks/next>; rel="next-occurrence"'
    source.answered?.({ method: 'PATCH', path, token }, { link })
    assert.equal(source.next().path, '/api/recurring-1/tasks/next/complete')
    assert.throws(() => source.answered?.({ method: 'PATCH', path, token }, {}), /no next/)
  })
})

const round = (serverCpuUs: number, databaseCpuUs: number | null, p50Ms: number): Round => {
  return { serverCpuUs, databaseCpuUs, p50Ms, requests: 100 }
}
const native: OnDatabase = {
  name: 'PostgreSQL',
  features: [
    { title: 'create', rounds: [round(100, 100, 1), round(200, 200, 2)] },
    { title: 'batch of 100 creates', rounds: [round(500, 1_500, 5), round(1_000, 3_000, 10)] },
    { title: 'toggle', rounds: [round(100, 100, 1), round(100, 100, 1)] },
    { title: 'move among 1 000 tasks', rounds: [round(100, 300, 1), round(100, 300, 1)] },
  ],
  searches: [{ title: 'newest first', rounds: [{ searchMs: 60, quietP99Ms: 2, besideP99Ms: 4 }] }],
}
const embedded: OnDatabase = {
  name: 'embedded database',
  features: [
    { title: 'create', rounds: [round(100, null, 1)] },
    { title: 'batch of 100 creates', rounds: [round(2_000, null, 5)] },
  ],
  searches: [
    { title: 'newest first', rounds: [{ searchMs: 900, quietP99Ms: 2, besideP99Ms: null }] },
  ],
}
const report: TaskFeaturesReport = {
  date: '2026-11-28',
  machine: { cores: 2, model: 'a processor', platform: 'linux x64' },
  versions: { node: '24.0.0', postgresql: '18.4' },
  load: 'The load.',
  loadAverages: [0.5, 1.5],
  searched: 100_000,
  databases: [native, embedded],
}

describe('the report of the task features', () => {
  it('divides by the measure of the same round, server and database apart and together', () => {
    const [batch] = ratiosOf(native)
    assert.equal(batch?.title, 'batch of 100 creates')
    assert.equal(batch.beside, 'create')
    const same = (value: number) => ({ median: value, from: value, to: value })
    assert.deepEqual(
      [batch.serverCpu, batch.databaseCpu, batch.cpu, batch.p50],
      [same(5), same(15), same(10), same(5)],
    )
    assert.equal(batch.target?.atMost, 12)
  })

  it('leaves out features that were not measured, and the database CPU of the embedded one', () => {
    assert.deepEqual(
      ratiosOf(native).map(({ title }) => title),
      ['batch of 100 creates', 'move among 1 000 tasks'],
    )
    const [batch] = ratiosOf(embedded)
    assert.equal(batch?.cpu.median, 20)
    assert.ok(Number.isNaN(batch.databaseCpu.median))
  })

  it('counts a failed request of others as infinitely late', () => {
    const [searches] = embedded.searches
    assert.equal(searchFigures(searches?.rounds ?? []).others.median, Number.POSITIVE_INFINITY)
  })

  it('has a verdict for each target, and says when requests of others fail', () => {
    const markdown = toMarkdown(report)
    assert.match(markdown, /\| batch of 100 creates ÷ create \| 5\.00 \| .* \| ≤ 12 \| reached \|/)
    assert.match(markdown, /\| batch of 100 creates ÷ create \| 20\.0 \| .* \| ≤ 12 \| missed \|/)
    assert.match(markdown, /\| newest first \| 60\.0 ms \| reached \| 2\.00 \| reached \|/)
    assert.match(
      markdown,
      /\| newest first \| 900 ms \| {2}\| requests of others fail \| missed \|/,
    )
    assert.match(markdown, /load average 0\.50 before, 1\.50 after/)
  })

  it('shows both databases side by side in the summary', () => {
    assert.match(summary(report), /\| batch of 100 creates ÷ create \| 10\.0 \| 20\.0 \| ≤ 12 \|/)
  })
})
