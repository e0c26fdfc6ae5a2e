import { randomUUID } from 'node:crypto'
import { type Attempt, json, type Pair, REFUSED, served, tryOf } from './attempts.ts'
import type { Owner } from './tasks.ts'

const percent = (text: string, digits: (hex: string) => string) =>
  [...Buffer.from(text)].map((byte) => `%${digits(byte.toString(16).padStart(2, '0'))}`).join('')

const otherCase = (text: string) =>
  [...text].map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join('')

/** Other spellings of the path to the other person's tasks, which some program may decode. */
function spellingsOf({ me, other }: Pair): Record<string, string> {
  const segment = (path: string) => path.slice('/api/'.length, -'/tasks'.length)
  const [mine, others] = [segment(me.path), segment(other.path)]
  const encoded = percent(other.id, (hex) => hex)
  return {
    'percent-encoded': `/api/${encoded}/tasks`,
    'percent-encoded in capitals': `/api/${percent(other.id, (hex) => hex.toUpperCase())}/tasks`,
    'percent-encoded twice': `/api/${encoded.replaceAll('%', '%25')}/tasks`,
    'in the other case': `/api/${encodeURIComponent(otherCase(other.id))}/tasks`,
    'with a space behind': `/api/${others}%20/tasks`,
    'with a zero behind': `/api/${others}%00/tasks`,
    'with a parameter behind': `/api/${others};x=1/tasks`,
    'with the own user behind': `/api/${others},${mine}/tasks`,
    'with a dot segment': `/api/./${others}/tasks`,
    'over the own path': `/api/${mine}/../${others}/tasks`,
    'over the own tasks': `${me.path}/../../${others}/tasks`,
    'over the own path, encoded': `/api/${mine}%2F..%2F${others}/tasks`,
    'below the own tasks, encoded': `${me.path}/..%2F..%2F${others}%2Ftasks`,
    'with a double slash': `/api//${others}/tasks`,
    'in other fixed parts': `/API/${others}/Tasks`,
  }
}

/** Attempts with other spellings of the other person's path. */
export function spellings(pair: Pair): Attempt[] {
  const { me, other, title } = pair
  const expected = REFUSED.somehow
  return Object.entries(spellingsOf(pair))
    .filter(([, path]) => decodeURI(path) !== decodeURI(me.path))
    .flatMap(([what, path]) => {
      const change = {
        name: `PUT {other}/{id of other} ${what}`,
        body: json({ title }),
        unusual: true,
      }
      return [
        tryOf(pair, expected, 'GET', path, { name: `GET {other} ${what}`, unusual: true }),
        tryOf(pair, expected, 'PUT', `${path}/${other.tasks[1].id}`, change),
      ]
    })
}

/** Attempts that name the other user outside of the token, which the server must ignore or refuse. */
export function otherWaysToNameAUser(pair: Pair): Attempt[] {
  const { me, other } = pair
  const id = encodeURIComponent(other.id)
  const headers: Record<string, string> = {
    'x-user-id': id,
    'x-forwarded-user': id,
    'x-remote-user': id,
    'x-original-url': other.path,
    'x-rewrite-url': other.path,
    'x-http-method-override': 'DELETE',
    cookie: `user_id=${id}; token=${other.token}`,
    'x-access-token': other.token,
  }
  const named = Object.entries(headers).map(([name, value]) =>
    tryOf(pair, served(me), 'GET', me.path, { headers: { [name]: value } }, `with ${name}`),
  )
  const override = { headers: { 'x-http-method-override': 'DELETE' }, body: '{}' }
  const path = `${other.path}/${other.tasks[0].id}`
  return [
    ...named,
    ...['user_id', 'userId', 'owner', 'sub'].map((name) => {
      const asked = { name: `GET {me}?${name}=…` }
      return tryOf(pair, REFUSED.invalid, 'GET', `${me.path}?${name}=${id}`, asked)
    }),
    tryOf(pair, REFUSED.somehow, 'POST', path, override, 'with a method override'),
  ]
}

export function lists(pair: Pair): Attempt[] {
  const { me } = pair
  const queries = ['completed=true', 'completed=false', 'limit=1', 'limit=1000']
  return [
    ...['', ...queries, 'completed=false&limit=2'].map((query) =>
      tryOf(pair, served(me), 'GET', `${me.path}${query && `?${query}`}`),
    ),
    ...queries.map((query) => tryOf(pair, { status: [200] }, 'HEAD', `${me.path}?${query}`)),
  ]
}

/**
 * Attempts with the other person's idempotency key. Each user has their own keys, so the response must be a
 * new task. A server without idempotency keys passes as well.
 */
export function idempotencyKeys(pair: Pair): Attempt[] {
  const { me, other, run, title } = pair
  const post = (who: Owner, key: string, sent: string, addition: string) => {
    const forbidden = [who === me ? other.secret : me.secret]
    const headers = { 'idempotency-key': key }
    const expected = { status: [201], owner: who.id, has: sent }
    const fields = { as: who.token, headers, forbidden, body: json({ title: sent }) }
    return tryOf(pair, expected, 'POST', who.path, fields, addition)
  }
  const flip = (who: Owner, key: string) => {
    const forbidden = [who === me ? other.secret : me.secret]
    const fields = { as: who.token, headers: { 'idempotency-key': key }, forbidden }
    const path = `${who.path}/${who.tasks[1].id}/complete`
    return tryOf(pair, served(who), 'PATCH', path, fields, 'with a key of both')
  }
  const [one, same, flipped] = [randomUUID(), randomUUID(), randomUUID()]
  return [
    post(other, same, run, 'with a key for the same task'),
    post(me, same, run, 'with the key of other for the same task'),
    post(other, one, `${run} ${other.secret} first`, 'with a key'),
    post(me, one, title, 'with the key of other'),
    flip(other, flipped),
    flip(me, flipped),
  ]
}
