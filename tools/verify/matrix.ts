import { randomUUID } from 'node:crypto'
import {
  type Attempt,
  type Group,
  isRead,
  json,
  type Pair,
  REFUSED,
  routes,
  served,
  trashRoutes,
  tryOf,
} from './attempts.ts'
import { batches } from './batches.ts'
import { idempotencyKeys, lists, otherWaysToNameAUser, spellings } from './detours.ts'
import { forgedTokens } from './forged-tokens.ts'
import { searches, series } from './series.ts'

/** @returns all attempts in their order. */
export function matrix(pair: Pair): readonly Group[] {
  return [
    { name: 'own tasks', attempts: ownTasks(pair) },
    { name: 'foreign paths', attempts: foreignPaths(pair) },
    { name: 'spellings of foreign paths', attempts: spellings(pair) },
    { name: 'other ways to name a user', attempts: otherWaysToNameAUser(pair) },
    { name: 'foreign ids', attempts: foreignIds(pair) },
    { name: 'foreign cursors', attempts: foreignCursors(pair) },
    { name: 'foreign ETags', attempts: foreignEtags(pair) },
    { name: 'foreign bodies', attempts: foreignBodies(pair) },
    { name: 'no good token', attempts: noGoodToken(pair) },
    { name: 'lists and filters', attempts: lists(pair) },
    { name: 'trash and changes', attempts: trashAndChanges(pair) },
    { name: 'batches', attempts: batches(pair) },
    { name: 'series and parents', attempts: series(pair) },
    { name: 'searches', attempts: searches(pair) },
    { name: 'idempotency keys', attempts: idempotencyKeys(pair) },
  ]
}

/** Attempts on the person's own tasks, because a server that refuses everything must not pass. */
function ownTasks(pair: Pair): Attempt[] {
  const { me } = pair
  const [own, , spare] = me.tasks
  const seen = { status: [200] }
  const body = json({ description: `${me.secret} changed` })
  return [
    tryOf(pair, served(me), 'GET', me.path),
    tryOf(pair, seen, 'HEAD', me.path),
    tryOf(pair, served(me), 'GET', `${me.path}/${own.id}`),
    tryOf(pair, seen, 'HEAD', `${me.path}/${own.id}`),
    tryOf(pair, served(me), 'PUT', `${me.path}/${spare.id}`, { body }),
    tryOf(pair, served(me), 'PATCH', `${me.path}/${spare.id}`, { body }),
    tryOf(pair, served(me), 'PATCH', `${me.path}/${spare.id}/complete`),
    tryOf(pair, served(me), 'POST', `${me.path}/${spare.id}/move`, { body: json({ to: 'top' }) }),
    // The other filters also need tasks.
    tryOf(pair, served(me), 'PATCH', `${me.path}/${spare.id}/complete`, {}, 'back'),
  ]
}

function foreignPaths(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  return routes(title).flatMap(({ method, at, ...body }) => {
    const refuse = (id: string, fields = body, addition?: string) =>
      tryOf(pair, REFUSED.mismatch, method, other.path + at(id), fields, addition)
    const [theirs, own] = [other.tasks[0].id, me.tasks[0].id]
    const attempts = [refuse(theirs)]
    if (at(own) !== '') attempts.push(refuse(own))
    if (body.body !== undefined) attempts.push(refuse(theirs, { body: '{' }, 'with half a body'))
    return attempts
  })
}

function foreignIds(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const [theirs] = other.tasks
  const nobodys = randomUUID()
  return routes(title)
    .filter(({ at }) => at(nobodys) !== '')
    .flatMap(({ method, at, ...body }) => {
      const refuse = (headers: Record<string, string>, addition?: string) => {
        const fields = { ...body, headers, missing: me.path + at(nobodys) }
        return tryOf(pair, REFUSED.missing, method, me.path + at(theirs.id), fields, addition)
      }
      const condition = isRead(method) ? 'if-none-match' : 'if-match'
      return [
        refuse({}),
        refuse({ [condition]: '*' }, `with ${condition} *`),
        refuse({ [condition]: theirs.etag }, `with ${condition} of other`),
      ]
    })
}

function foreignCursors(pair: Pair): Attempt[] {
  const { me, other } = pair
  const own = tryOf(pair, served(me), 'GET', `${me.path}?limit=1&cursor=${me.cursor}`)
  const others = ['', '&limit=1', '&limit=1000'].map((more) =>
    tryOf(pair, served(me), 'GET', `${me.path}?cursor=${other.cursor}${more}`),
  )
  return [own, ...others]
}

function foreignEtags(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const { id } = me.tasks[0]
  const theirs = other.tasks[0].etag
  const none = { headers: { 'if-none-match': theirs } }
  const read = tryOf(pair, served(me), 'GET', `${me.path}/${id}`, none, 'with the ETag of other')
  const changes = routes(title)
    .filter(({ method, at }) => !isRead(method) && at(id) !== '')
    .map(({ method, at, ...body }) => {
      const fields = { ...body, headers: { 'if-match': theirs } }
      const path = me.path + at(id)
      return tryOf(pair, REFUSED.stale, method, path, fields, 'with the ETag of other')
    })
  return [read, ...changes]
}

function foreignBodies(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const moves = (['before', 'after'] as const).map((member) => {
    const body = json({ [member]: other.tasks[0].id })
    const path = `${me.path}/${me.tasks[0].id}/move`
    return tryOf(pair, REFUSED.invalid, 'POST', path, { body }, `${member} a task of other`)
  })
  const names = { user_id: other.id, id: other.tasks[0].id, userId: other.id, owner: other.id }
  const bodies = Object.entries(names).flatMap(([name, value]) =>
    routes(title)
      .filter(({ method }) => ['POST', 'PUT', 'PATCH'].includes(method))
      // Each user may choose any id for a new task, also one that another user has.
      .filter(({ method, at }) => !(method === 'POST' && at('') === '' && name === 'id'))
      .map(({ method, at }) => {
        const body = json({
          ...(at('').endsWith('/complete')
            ? { completed: true }
            : at('').endsWith('/move')
              ? { to: 'top' }
              : { title }),
          [name]: value,
        })
        const path = me.path + at(me.tasks[0].id)
        return tryOf(pair, REFUSED.invalid, method, path, { body }, `with ${name} of other`)
      }),
  )
  return [...moves, ...bodies]
}

function trashAndChanges(pair: Pair): Attempt[] {
  const { me, other } = pair
  const theirs = other.tasks[0].id
  const nobodys = randomUUID()
  const foreign = trashRoutes.flatMap(({ method, at }) => [
    tryOf(pair, REFUSED.mismatch, method, other.path + at(theirs)),
    tryOf(
      pair,
      REFUSED.unauthorized,
      method,
      other.path + at(theirs),
      { as: undefined },
      'with no token',
    ),
  ])
  const foreignIds = trashRoutes
    .filter(({ at }) => at(nobodys).includes(nobodys))
    .map(({ method, at }) => {
      const missing = me.path + at(nobodys)
      return tryOf(pair, REFUSED.missing, method, me.path + at(theirs), { missing })
    })
  const own = ['/trash', '/trash?limit=1', '/changes', '/changes?limit=1'].map((end) =>
    tryOf(pair, { status: [200] }, 'GET', me.path + end),
  )
  return [...foreign, ...foreignIds, ...own]
}

function noGoodToken(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const { id } = other.tasks[0]
  const secrets = { as: undefined, forbidden: [me.secret, other.secret] }
  const all = routes(title)
  const without = all.map(({ method, at, ...body }) => {
    const fields = { ...body, ...secrets }
    return tryOf(pair, REFUSED.unauthorized, method, other.path + at(id), fields, 'with no token')
  })
  const some = all.filter(
    ({ method, at }) => method === 'PUT' || (method === 'GET' && at(id) === ''),
  )
  const forged = forgedTokens(me.token, other.token).flatMap(({ what, ...sent }) =>
    some.map(({ method, at, ...body }) => {
      // A proxy may forward only one of two tokens.
      const expected = sent.unusual ? { status: [400, 401, 403] } : REFUSED.unauthorized
      const fields = { ...body, ...secrets, ...sent }
      return tryOf(pair, expected, method, other.path + at(id), fields, `with ${what}`)
    }),
  )
  return [...without, ...forged]
}
