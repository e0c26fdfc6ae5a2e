import { randomUUID } from 'node:crypto'
import { type Attempt, json, type Pair, REFUSED, served, tryOf } from './attempts.ts'

const DONE = json({ completed: true })

/** Attempts on the recurring task of the other person: to complete it, and to make it a parent or a neighbour. */
export function series(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const [theirs, nobodys] = [other.recurring.id, randomUUID()]
  const own = me.tasks[0].id
  const completions = [
    { method: 'PATCH', end: '/complete', body: DONE, addition: 'to completed' },
    { method: 'PUT', end: '', body: DONE, addition: 'to completed' },
    {
      method: 'PATCH',
      end: '',
      body: json({ recurrence: null }),
      addition: 'to the end of a series',
    },
  ].flatMap(({ method, end, body, addition }) => [
    tryOf(pair, REFUSED.mismatch, method, `${other.path}/${theirs}${end}`, { body }, addition),
    tryOf(
      ...([pair, REFUSED.unauthorized, method, `${other.path}/${theirs}${end}`] as const),
      ...([{ body, as: undefined }, `${addition} with no token`] as const),
    ),
    tryOf(
      ...([pair, REFUSED.missing, method, `${me.path}/${theirs}${end}`] as const),
      ...([{ body, missing: `${me.path}/${nobodys}${end}` }, addition] as const),
    ),
  ])
  const headers = { 'idempotency-key': nobodys }
  const keyed = tryOf(
    ...([pair, REFUSED.missing, 'PATCH', `${me.path}/${theirs}/complete`] as const),
    ...([{ headers, missing: `${me.path}/${nobodys}/complete` }, 'under a key'] as const),
  )
  const bodies: Record<string, (id: string) => [method: string, end: string, body: object]> = {
    'a new task below one of other': (id) => ['POST', '', { title, parent_id: id }],
    'a task below one of other': (id) => ['PATCH', `/${own}`, { parent_id: id }],
    'before one of other': (id) => ['POST', `/${own}/move`, { before: id }],
    'after one of other': (id) => ['POST', `/${own}/move`, { after: id }],
    'in a batch a new task below one of other': (id) =>
      inBatch({ op: 'create', task: { title, parent_id: id } }),
    'in a batch a task below one of other': (id) =>
      inBatch({ op: 'update', id: own, task: { parent_id: id } }),
    'in a batch before one of other': (id) => inBatch({ op: 'move', id: own, before: id }),
  }
  const relatives = Object.entries(bodies).map(([what, of]) => {
    const [method, end, body] = of(theirs)
    const fields = { body: json(body), missingBody: json(of(nobodys)[2]) }
    return tryOf(pair, REFUSED.invalid, method, me.path + end, fields, `with ${what}`)
  })
  const operations: Record<string, (id: string) => [method: string, end: string, body: object]> = {
    'a completion': (id) => inBatch({ op: 'complete', id, completed: true }),
    'a move': (id) => inBatch({ op: 'move', id, to: 'top' }),
  }
  const inBatches = Object.entries(operations).map(([what, of]) => {
    const fields = { body: json(of(theirs)[2]), missingBody: json(of(nobodys)[2]) }
    return tryOf(pair, REFUSED.missing, 'POST', `${me.path}/batch`, fields, `with ${what}`)
  })
  return [...completions, keyed, ...relatives, ...inBatches]
}

const inBatch = (...operations: object[]): [string, string, object] => [
  ...(['POST', '/batch', { operations }] as const),
]

/** Lists and numbers that must not know of the other person's tasks. */
export function searches(pair: Pair): Attempt[] {
  const { me, other } = pair
  const nobodys = randomUUID()
  const empty = [
    [`?q=${other.secret}`, `?q=${nobodys}`],
    [`?tags=${other.secret}`, `?tags=${nobodys}`],
    [`?parent_id=${other.recurring.id}`, `?parent_id=${nobodys}`],
    [`?sort=due&q=${other.secret}&limit=1`, `?sort=due&q=${nobodys}&limit=1`],
  ].map(([query, missing]) =>
    tryOf(pair, { status: [200] }, 'GET', me.path + query, { missing: me.path + missing }),
  )
  const own = [`?q=${me.secret}`, `?tags=${me.secret}`, `?due_from=${me.day}&sort=due`].map(
    (query) => tryOf(pair, served(me), 'GET', me.path + query),
  )
  return [
    ...[...empty, ...own],
    tryOf(pair, { status: [200], has: me.secret }, 'GET', `${me.path}/tags`, {}, 'of a search'),
    // Both people have one task that is due on this day.
    tryOf(
      ...([pair, { status: [200], has: '"due_today" : 1,' }, 'GET'] as const),
      `${me.path}/summary?today=${me.day}`,
    ),
  ]
}
