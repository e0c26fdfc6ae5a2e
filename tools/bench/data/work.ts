import { signToken } from '../../../backend/src/core/token.ts'
import type { Owner, Population } from './seed.ts'

/** One request as a client sends it. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly token: string
  /** JSON */
  readonly body?: string
}

export type Work = 'get' | 'list' | 'create' | 'update' | 'toggle' | 'mix'

export const WORKS: readonly { readonly work: Work; readonly title: string }[] = [
  { work: 'get', title: 'GET one' },
  { work: 'list', title: 'list 50' },
  { work: 'create', title: 'create' },
  { work: 'update', title: 'update' },
  { work: 'toggle', title: 'toggle' },
  { work: 'mix', title: 'mix, 70 % reads' },
]

/** The kinds of ten requests of the mix. */
const MIX = ['get', 'get', 'get', 'get', 'list', 'list', 'list', 'create', 'update', 'toggle']
const MIX_REQUESTS = 20_000
const CREATES_PER_USER = 10
/** More requests do not change the result, and wrk takes longer to read them. */
const MOST_REQUESTS = 10_000
const PAGE = 50
const PAGES_PER_USER = 5_000

type Draw = (owner: Owner, token: string, taskId: string) => Request

const path = ({ userId }: Owner, rest = '') => `/api/${userId}/tasks${rest}`

/** One request of each kind. Each update has a new title. */
const REQUEST: Record<Exclude<Work, 'mix'>, Draw> = {
  get: (owner, token, id) => ({ method: 'GET', path: path(owner, `/${id}`), token }),
  list: (owner, token) => ({ method: 'GET', path: path(owner, '?limit=50'), token }),
  create: (owner, token) => ({
    method: 'POST',
    path: path(owner),
    token,
    body: JSON.stringify({
      title: `Call the plumber about tap ${number()}`,
      description: 'It drips, and more so at night',
    }),
  }),
  update: (owner, token, id) => ({
    method: 'PUT',
    path: path(owner, `/${id}`),
    token,
    body: JSON.stringify({
      title: `Task ${number()}: buy milk, bread and tea`,
      description: 'From the shop at the corner, before it closes at eight',
      completed: false,
    }),
  }),
  toggle: (owner, token, id) => ({ method: 'PATCH', path: path(owner, `/${id}/complete`), token }),
}

/** @returns a token for each owner. */
export async function tokensOf(
  owners: readonly Owner[],
  secret: string,
): Promise<Map<Owner, string>> {
  const config = { secret, jwtIssuer: undefined, jwtAudience: undefined }
  const tokens = new Map<Owner, string>()
  for (const owner of owners) tokens.set(owner, await signToken(config, owner.userId))
  return tokens
}

const number = () => Math.floor(Math.random() * 1e9)

/** @returns the requests of one kind of work in random order, which a load repeats. */
export async function requestsFor(
  work: Work,
  { readers, writers }: Population,
  secret: string,
): Promise<Request[]> {
  const tokens = await tokensOf([...readers, ...writers], secret)
  const draw = (kind: Exclude<Work, 'mix'>, owner: Owner, taskId: string) =>
    REQUEST[kind](owner, tokens.get(owner) ?? '', taskId)
  switch (work) {
    case 'list':
      return shuffled(readers.map((owner) => draw(work, owner, '')))
    case 'create':
      return shuffled(
        writers.flatMap((owner) =>
          Array.from({ length: CREATES_PER_USER }, () => draw(work, owner, '')),
        ),
      )
    case 'mix':
      return Array.from({ length: MIX_REQUESTS }, () => {
        const kind = one(MIX) as Exclude<Work, 'mix'> // MIX has no others
        const owner = one(kind === 'create' ? writers : readers)
        return draw(kind, owner, one(owner.taskIds))
      })
    default:
      return shuffled(
        readers.flatMap((owner) => owner.taskIds.map((id) => draw(work, owner, id))),
      ).slice(0, MOST_REQUESTS)
  }
}

/** @returns requests for pages of 50 tasks of the readers, from random positions, never the last page. */
export async function pagesFor({ readers }: Population, secret: string): Promise<Request[]> {
  const tokens = await tokensOf(readers, secret)
  return shuffled(
    readers.flatMap((owner) => {
      const token = tokens.get(owner) ?? ''
      const newest: Request = { method: 'GET', path: path(owner, '?limit=50'), token }
      const oldestFirst = owner.taskIds.toSorted()
      const behind = oldestFirst.slice(PAGE, PAGES_PER_USER + PAGE).map((id) => {
        return { ...newest, path: `${newest.path}&cursor=${cursor(id)}` }
      })
      return [newest, ...behind]
    }),
  )
}

/** @returns requests for all tasks of a user in one response. */
export async function wholeListsFor(owners: readonly Owner[], secret: string): Promise<Request[]> {
  const tokens = await tokensOf(owners, secret)
  return owners.map((owner) => {
    return { method: 'GET', path: path(owner), token: tokens.get(owner) ?? '' }
  })
}

/** @returns the cursor as the server writes it. */
function cursor(id: string): string {
  return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')
}

/** @returns a random item. */
export function one<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('There are no items to choose from')
  return item
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
