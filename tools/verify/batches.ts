import { randomUUID } from 'node:crypto'
import { type Attempt, json, type Pair, REFUSED, tryOf } from './attempts.ts'

/** Attempts on the tasks of the other person by a batch, and one batch of the person's own. */
export function batches(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const [theirs, nobodys] = [other.tasks[0].id, randomUUID()]
  const own = me.tasks[2].id
  const bodyOf = (...operations: object[]) => json({ operations })
  const create = { op: 'create', task: { title } }
  const operations: Record<string, (id: string) => object> = {
    'an update': (id) => ({ op: 'update', id, task: { description: title } }),
    'a change of completed': (id) => ({ op: 'complete', id, if_match: '*' }),
    'a change of completed at the ETag of other': (id) => ({
      ...{ op: 'complete', id, if_match: other.tasks[0].etag },
    }),
    'a deletion': (id) => ({ op: 'delete', id }),
    // Where a task of another person can be deleted, this one restores it for the next attempts.
    'a restoration': (id) => ({ op: 'restore', id }),
  }
  const foreignIds = Object.entries(operations).flatMap(([what, operation]) => {
    const fields = {
      body: bodyOf(create, operation(theirs)),
      missingBody: bodyOf(create, operation(nobodys)),
    }
    return ['?dry_run=true', ''].map((query) =>
      tryOf(pair, REFUSED.missing, 'POST', `${me.path}/batch${query}`, fields, `with ${what}`),
    )
  })
  const body = bodyOf({ op: 'complete', id: theirs })
  const path = `${other.path}/batch`
  const mine = bodyOf({ op: 'complete', id: own }, { op: 'complete', id: own })
  return [
    tryOf(pair, REFUSED.mismatch, 'POST', path, { body }),
    tryOf(pair, REFUSED.unauthorized, 'POST', path, { as: undefined, body }, 'with no token'),
    ...foreignIds,
    tryOf(pair, { status: [200], has: me.secret }, 'POST', `${me.path}/batch`, { body: mine }),
  ]
}
