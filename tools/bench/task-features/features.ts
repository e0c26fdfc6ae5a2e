import type { Owner } from '../data/seed.ts'
import { one, type Request, tokensOf } from '../data/work.ts'
import type { Source } from '../load/closed-load.ts'
import type { Population } from './population.ts'

/** The members of a list of tasks, in {@link FEATURES}. */
const SORTS = [
  ...['-created_at', 'created_at', '-updated_at', 'updated_at', 'due', '-due'],
  ...['priority', '-priority', 'position', 'title'],
]
const FILTERS = [
  ...['completed=false', 'priority=high,medium', 'tags=garden', 'due=none&parent_id=none'],
  'due_from={today}&due_before={later}',
]
const SEARCHES = [
  ['a word of every third task', 'q=milk'],
  ['two words, of every 150th task', 'q=milk saffron'],
] as const

/** Requests of one kind, and those with which they are compared. */
export interface Feature {
  readonly title: string
  /** The title of the feature that is the measure; undefined if this is one. */
  readonly beside?: string
  /** The greatest ratio to aim for. */
  readonly atMost?: number
  readonly source: (requests: Requests) => Source
}

/** The names of the measures. */
const PLAIN = 'list 50'
const CREATE = 'create'
const LIST_100 = 'list 100'
const TOGGLE = 'toggle'
const OPERATIONS = 100

const beside = (title: string, atMost: number) => ({ beside: title, atMost })
const page = (query = '') => ({
  source: (requests: Requests) => requests.reads(`?limit=50${query && `&${query}`}`),
})

/** The measured features. A measure precedes those that are compared with it. */
export const FEATURES: readonly Feature[] = [
  { title: PLAIN, ...page() },
  ...FILTERS.map((filter) => ({
    title: `filter ${filter.replaceAll(/\{(\w+)\}/g, '$1')}`,
    ...beside(PLAIN, 2),
    ...page(filter),
  })),
  ...SORTS.map((sort) => ({ title: `sort ${sort}`, ...beside(PLAIN, 2), ...page(`sort=${sort}`) })),
  ...SEARCHES.map(([what, search]) => {
    return { title: `search ${what}`, ...beside(PLAIN, 2), ...page(search) }
  }),
  { title: CREATE, source: (requests) => requests.creates() },
  {
    title: `batch of ${OPERATIONS} creates`,
    ...beside(CREATE, 12),
    source: (requests) => requests.batches(OPERATIONS),
  },
  { title: LIST_100, source: (requests) => requests.reads('?limit=100') },
  {
    title: 'feed, page of 100',
    ...beside(LIST_100, 1.2),
    source: (requests) => requests.reads('/changes?limit=100&since={token}'),
  },
  { title: TOGGLE, source: (requests) => requests.toggles() },
  {
    title: 'complete a recurring task',
    ...beside(TOGGLE, 3),
    source: (requests) => requests.completions(),
  },
  { title: 'move among 1 000 tasks', beside: TOGGLE, source: (requests) => requests.moves() },
]

const DAY_MS = 86_400_000
const DAYS = 14
const dayAfter = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10)

const NEW_TASK = {
  title: 'Call the plumber about the tap',
  description: 'It drips, and more so at night',
}
const NEXT = /<([^>]+)>; rel="next-occurrence"/

/** Makes the requests of the features. */
export class Requests {
  readonly #population: Population
  readonly #tokens: ReadonlyMap<Owner, string>
  /** Positions in the feed of the readers. */
  readonly #positions: ReadonlyMap<Owner, string>

  private constructor(
    population: Population,
    tokens: ReadonlyMap<Owner, string>,
    positions: ReadonlyMap<Owner, string>,
  ) {
    this.#population = population
    this.#tokens = tokens
    this.#positions = positions
  }

  /**
   * @param read sends a request, and returns the body. It reads the positions in the feed.
   */
  static async of(
    population: Population,
    secret: string,
    read: (request: Request) => Promise<string>,
  ): Promise<Requests> {
    const { readers, movers, recurring, makers, others, busiest } = population
    const owners = [...readers, ...movers, ...recurring, ...makers, ...others, busiest]
    const tokens = await tokensOf(owners, secret)
    const requests = new Requests(population, tokens, new Map())
    const positions = new Map<Owner, string>()
    for (const owner of readers) {
      const first = requests.#request(owner, 'GET', '/changes?limit=100')
      positions.set(owner, JSON.parse(await read(first)).token)
    }
    return new Requests(population, tokens, positions)
  }

  #request(owner: Owner, method: Request['method'], rest: string, body?: object): Request {
    return {
      method,
      path: `/api/${owner.userId}/tasks${rest}`,
      token: this.#tokens.get(owner) ?? '',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }
  }

  /** Reads of the users with 1 000 tasks. @param rest may name `today`, `later` and `token` in braces. */
  reads(rest: string): Source {
    const { readers } = this.#population
    const days = rest.replace('{today}', dayAfter(0)).replace('{later}', dayAfter(DAYS))
    const path = days.replaceAll(' ', '%20')
    return this.#each(readers, (owner) =>
      this.#request(owner, 'GET', path.replace('{token}', this.#positions.get(owner) ?? '')),
    )
  }

  /** Searches of the user with the most tasks, who has none with the word. */
  searches(sort?: string): Source {
    const rest = `?limit=50&q=cardamom${sort === undefined ? '' : `&sort=${sort}`}`
    return { next: () => this.#request(this.#population.busiest, 'GET', rest) }
  }

  /** Reads of single tasks of users who do nothing else. */
  ofOthers(): Request[] {
    return this.#population.others.flatMap((owner) =>
      owner.taskIds.map((id) => this.#request(owner, 'GET', `/${id}`)),
    )
  }

  creates(): Source {
    return this.#each(this.#population.makers, (owner) =>
      this.#request(owner, 'POST', '', NEW_TASK),
    )
  }

  batches(count: number): Source {
    const operations = Array.from({ length: count }, () => ({ op: 'create', task: NEW_TASK }))
    return this.#each(this.#population.makers, (owner) =>
      this.#request(owner, 'POST', '/batch', { operations }),
    )
  }

  toggles(): Source {
    return this.#each(this.#population.movers, (owner) =>
      this.#request(owner, 'PATCH', `/${one(owner.taskIds)}/complete`),
    )
  }

  moves(): Source {
    return this.#each(this.#population.movers, (owner) => {
      const [id, after] = twoOf(owner.taskIds)
      return this.#request(owner, 'POST', `/${id}/move`, { after })
    })
  }

  /** Completes each open occurrence once. Each response names the one that it made, which is completed later. */
  completions(): Source {
    const { recurring } = this.#population
    const most = Math.max(...recurring.map(({ taskIds }) => taskIds.length))
    // One user after the other, as in the other loads: changes of one user wait for each other.
    const open = Array.from({ length: most }, (_, at) =>
      recurring.flatMap((owner) => {
        const id = owner.taskIds[at]
        if (id === undefined) return []
        return this.#request(owner, 'PATCH', `/${id}/complete`, { completed: true })
      }),
    ).flat()
    return {
      next() {
        const first = open.shift()
        if (first === undefined) throw new Error('There are no recurring tasks to complete')
        return first
      },
      answered(asked, { link }) {
        const [, path] = NEXT.exec(String(link)) ?? []
        if (path === undefined) throw new Error(`${asked.path} made no next occurrence`)
        open.push({ ...asked, path: `${path}/complete` })
      },
    }
  }

  /** Requests of one user after the other. */
  #each(owners: readonly Owner[], request: (owner: Owner) => Request): Source {
    let at = 0
    return {
      next() {
        const owner = owners[at % owners.length]
        at += 1
        if (owner === undefined) throw new Error('There are no users')
        return request(owner)
      },
    }
  }
}

function twoOf(ids: readonly string[]): [string, string] {
  const first = one(ids)
  for (;;) {
    const second = one(ids)
    if (second !== first) return [first, second]
  }
}
