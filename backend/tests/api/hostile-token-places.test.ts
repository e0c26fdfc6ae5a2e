import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { auth, BEHIND_PROXY, PASSWORD, signIn } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import {
  assertRefused,
  assertTaken,
  bearer,
  CHALLENGE,
  good,
  members,
  payload,
  pieces,
  sent,
  startTokenServers,
  type TokenServers,
} from '../support/hostile-tokens.ts'
import { linkIn, startMailbox } from '../support/mailbox.ts'
import { assertProblem } from '../support/problem.ts'
import { type RawRequest, sendRaw } from '../support/raw-request.ts'
import { encode, forge, HS256, now } from '../support/tokens.ts'

describe('tokens in other places, and tokens that were touched', () => {
  let started: TokenServers
  let secretAlone: TestApp
  let servers: TestApp[]
  before(async () => {
    started = await startTokenServers()
    ;({ secretAlone, servers } = started)
  })
  after(async () => {
    await started.close()
  })

  it('401 for a good token anywhere but in one Authorization header of one token', async () => {
    const token = forge(HS256, good())
    const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`
    const header = (line: string): [string, Partial<RawRequest>] => [
      line.split(token)[0] ?? '',
      { headers: [line] },
    ]
    const notSent: [string, Partial<RawRequest>][] = [
      ...[
        'token',
        'jwt',
        'access_token',
        'Authorization',
        'better-auth.session_token',
        'better-auth.jwt',
      ].map((name) => header(`Cookie: ${name}=${token}`)),
      ...[
        'X-Authorization',
        'Proxy-Authorization',
        'X-Forwarded-Authorization',
        'Authentication',
        'Authorisation',
      ].map((name) => header(`${name}: Bearer ${token}`)),
      ...[
        'X-Access-Token',
        'X-Auth-Token',
        'Token',
        'X-Jwt-Assertion',
        'Sec-WebSocket-Protocol',
        'Set-Auth-Jwt',
      ].map((name) => header(`${name}: ${token}`)),
      ...['access_token', 'token', 'authorization', 'jwt', 'auth'].map(
        (name): [string, Partial<RawRequest>] => [
          `?${name}=`,
          { target: `/api/alice/tasks?${name}=${token}` },
        ],
      ),
      ['a query with a scheme', { target: `/api/alice/tasks?authorization=Bearer%20${token}` }],
      ['a user of the address', { target: `http://alice:${token}@localhost/api/alice/tasks` }],
      ['a segment of the path', { target: `/api/${token}/tasks` }],
      [
        'a form',
        {
          method: 'POST',
          headers: ['Content-Type: application/x-www-form-urlencoded'],
          body: `access_token=${token}`,
        },
      ],
      [
        'a body',
        {
          method: 'POST',
          headers: ['Content-Type: application/json'],
          body: JSON.stringify({ title: 'x', access_token: token }),
        },
      ],
      [
        'a trailer',
        {
          method: 'POST',
          headers: [
            'Content-Type: application/json',
            'Transfer-Encoding: chunked',
            'Trailer: Authorization',
          ],
          body: `d\r\n{"title":"x"}\r\n0\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        },
      ],
    ]
    const spoilt: [string, Partial<RawRequest>][] = [
      ...[
        '',
        'Basic ',
        'Digest ',
        'Token ',
        'JWT ',
        'Bearer: ',
        'Bearer=',
        'Bearer\t',
        'Bearer',
        'DPoP ',
        'Bearer Bearer ',
      ].map((scheme) => header(`Authorization: ${scheme}${token}`)),
      ...[
        ',',
        ' ',
        ', Bearer ',
        ' Bearer ',
        ', Basic eA==',
        ',x',
        ' x',
        ';x',
        '=',
        '==',
        '%20',
        '"',
        '.',
        '.x',
      ].map((behind): [string, Partial<RawRequest>] => [
        `a token and ${behind}`,
        {
          headers: [
            `Authorization: Bearer ${token}${behind}${/Bearer|^[, ]$/.test(behind) ? token : ''}`,
          ],
        },
      ]),
      ['quotes', { headers: [`Authorization: Bearer "${token}"`] }],
      ['a name', { headers: [`Authorization: Bearer token="${token}"`] }],
      ['the token as user', { headers: [basic(`${token}:`)] }],
      ['the token as password', { headers: [basic(`alice:${token}`)] }],
      ['no scheme and no token', { headers: ['Authorization:'] }],
      ['no token', { headers: ['Authorization: Bearer'] }],
      ['two headers', { headers: [...bearer(token), ...bearer(token)] }],
      ['two in other case', { headers: [...bearer(token), `AUTHORIZATION: bearer ${token}`] }],
      ['an empty one before', { headers: ['Authorization:', ...bearer(token)] }],
      ['an empty one behind', { headers: [...bearer(token), 'authorization:'] }],
      ['three', { headers: [...bearer('x.y.z'), ...bearer(token), ...bearer('x.y.z')] }],
    ]
    for (const server of servers) {
      await assertTaken(server, 'the same token in its place', token)
      for (const [what, request] of notSent) await assertRefused(server, what, request, CHALLENGE)
      for (const [what, request] of spoilt) await assertRefused(server, what, request)
    }
  })

  it('401 for a token that was touched, at each of its bytes', async () => {
    const token = forge(HS256, good())
    const [head = '', body = '', mac = ''] = token.split('.')
    const parts = (...all: string[]) => all.join('.')
    const touched: [string, string][] = [...token].map((old, at) => {
      const other = old === 'A' ? 'Q' : 'A'
      return [`byte ${at}`, token.slice(0, at) + other + token.slice(at + 1)]
    })
    const cut: [string, string][] = [
      0,
      1,
      10,
      head.length,
      head.length + 1,
      head.length + 9,
      token.length - 43,
      token.length - 2,
      token.length - 1,
    ].map((length) => [`the first ${length}`, token.slice(0, length)])
    const padded = (part: string) => part + '='.repeat((4 - (part.length % 4)) % 4 || 1)
    const standard = (bytes: Buffer) => bytes.toString('base64')
    // Text whose Base64 has both letters that the two alphabets do not share.
    const odd = forge(HS256, good({ x: '>>>???~~~' })).split('.')
    const shapes: [string, string][] = [
      ['padding', parts(padded(head), padded(body), padded(mac))],
      ['a padded signature', parts(head, body, padded(mac))],
      ['Base64', parts(...odd.map((part) => standard(Buffer.from(part, 'base64url'))))],
      ['Base64 of the signature', parts(head, body, standard(Buffer.from(mac, 'base64url')))],
      ['hexadecimal digits', parts(head, body, Buffer.from(mac, 'base64url').toString('hex'))],
      ['one part', head],
      ['two parts', parts(head, body)],
      ['four parts', parts(head, body, mac, mac)],
      ['five parts, as encrypted ones have', parts(head, '', body, mac, mac)],
      ['five full parts', parts(head, mac, mac, body, mac)],
      ['an encrypted one', parts(encode({ alg: 'dir', enc: 'A128CBC-HS256' }), '', mac, body, mac)],
      ['no header', parts('', body, mac)],
      ['no payload', parts(head, '', mac)],
      ['no signature', parts(head, body, '')],
      ['a NUL, percent-encoded', `${token}%00`],
      ['a byte beyond ASCII', `${token}é`],
      ['letters of another script', token.replace('e', '\u0435')],
      ['the parts in reverse', parts(mac, body, head)],
      ['the payload as header', parts(body, body, mac)],
      ['a header that is text', parts(encode('"x"'), body, mac)],
      ['a header that is null', parts(encode('null'), body, mac)],
      ['a header that is a list', parts(encode('[]'), body, mac)],
      ['a header of broken UTF-8', parts(Buffer.from([0xff]).toString('base64url'), body, mac)],
      ['a payload that is null', forge(HS256, 'null')],
      ['a payload that is a number', forge(HS256, '1')],
      ['a payload that is a list', forge(HS256, `[${payload(members({}))}]`)],
      ['a payload of nothing', forge(HS256, '')],
      ['a payload with a NUL behind', forge(HS256, `${payload(members({}))}\0`)],
      ['a payload of two objects', forge(HS256, `${payload(members({}))}{}`)],
      ['5000 levels', forge(HS256, '['.repeat(5_000) + ']'.repeat(5_000))],
      [
        'another’s payload',
        parts(head, forge(HS256, good({ sub: 'bob' })).split('.')[1] ?? '', mac),
      ],
      ['8 KB of letters', 'x'.repeat(8_192)],
      ['8 KB of dots', '.'.repeat(8_192)],
      ['8 KB of spaces before it', `${' '.repeat(8_192)}${token}.`],
      ['8 KB in three parts', parts('x'.repeat(2_700), 'x'.repeat(2_700), 'x'.repeat(2_700))],
      ['8 KB of signature', parts(head, body, 'x'.repeat(8_000))],
      ['8 KB of header', parts(encode({ ...HS256, x: 'x'.repeat(6_000) }), body, mac)],
      ['8 KB of payload', parts(head, encode(good({ x: 'x'.repeat(6_000) })), mac)],
      ['15 KB of parts', 'x.'.repeat(7_500)],
    ]
    for (const server of servers) {
      await assertTaken(server, 'untouched', token)
      // The last letter of a signature has four bits of it; with another of the two that are left
      // over, it is the same signature.
      for (const [what, changed] of [...touched.slice(0, -1), ...cut, ...shapes]) {
        await assertRefused(server, what, { headers: bearer(changed) })
      }
      for (const [what, line, status] of [
        ['a NUL', `Authorization: Bearer ${token}\0`, 400],
        ['a NUL within', `Authorization: Bearer ${head}\0.${body}.${mac}`, 400],
        ['a line feed', `Authorization: Bearer ${head}\n.${body}.${mac}`, 400],
        ['a carriage return', `Authorization: Bearer ${token}\rX: y`, 400],
        ['a folded line', `Authorization: Bearer\r\n ${token}`, 400],
        ['a space before the colon', `Authorization : Bearer ${token}`, 400],
        ['17 KB', `Authorization: Bearer ${'x'.repeat(17_408)}`, 431],
        [
          '17 KB in three parts',
          `Authorization: Bearer ${parts(head, 'x'.repeat(17_408), mac)}`,
          431,
        ],
      ] as const) {
        const answer = await sendRaw(server.port, { target: '/api/alice/tasks', headers: [line] })
        assertProblem(answer, status === 431 ? 'headers_too_large' : 'bad_request', what)
        for (const piece of pieces(line)) assert.ok(!answer.bytes.includes(piece), what)
      }
    }
  })

  it('a token that was changed at random is 401, or still the very same user’s', async () => {
    const users = ['alice', 'bob']
    const tokens = users.map((sub) => forge(HS256, good({ sub, exp: now() + 3_600 })))
    const signed = (token: string) => token.slice(0, token.lastIndexOf('.'))
    const mac = (token: string) => Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
    /** Whose token it still is: the text that is signed and the bytes of the signature are the same. */
    const whose = (token: string) =>
      users.find((_, n) => {
        const own = tokens[n] ?? ''
        return signed(own) === signed(token) && mac(own).equals(mac(token))
      })
    const letter = fc.constantFrom(...'ABCXYZabcxyz0189-_.=+/~ %"'.split(''))
    const at = fc.nat(Math.max(...tokens.map(({ length }) => length)))
    const change = fc.oneof(
      fc.record({ at, letter }).map(
        ({ at, letter }) =>
          (token: string) =>
            token.slice(0, at) + letter + token.slice(at + 1),
      ),
      fc.record({ at, letter }).map(
        ({ at, letter }) =>
          (token: string) =>
            token.slice(0, at) + letter + token.slice(at),
      ),
      fc.record({ at, bit: fc.nat(6) }).map(({ at, bit }) => (token: string) => {
        const bytes = Buffer.from(token)
        const flipped = (bytes[at] ?? 0) ^ (1 << bit)
        if (at < bytes.length && flipped > 31 && flipped < 127) bytes[at] = flipped
        return bytes.toString()
      }),
      fc.record({ at, length: fc.integer({ min: 1, max: 9 }) }).map(
        ({ at, length }) =>
          (token: string) =>
            token.slice(0, at) + token.slice(at + length),
      ),
      at.map((at) => (token: string, other: string) => token.slice(0, at) + other.slice(at)),
      fc.subarray([0, 1, 2], { minLength: 1, maxLength: 2 }).map(
        (taken) => (token: string, other: string) =>
          token
            .split('.')
            .map((part, n) => (taken.includes(n) ? (other.split('.')[n] ?? '') : part))
            .join('.'),
      ),
    )
    const mutation = fc.record({
      first: fc.nat(1),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(mutation, async ({ first, changes }) => {
        const [own = '', other = ''] = first === 0 ? tokens : tokens.toReversed()
        const token = changes.reduce((text, change) => change(text, other), own).trim()
        const user = whose(token)
        for (const name of users) {
          const answer = await sendRaw(secretAlone.port, {
            target: `/api/${name}/tasks`,
            headers: bearer(token),
          })
          const allowed = user === undefined ? [401] : [401, name === user ? 200 : 403]
          assert.ok(allowed.includes(answer.status), `${name}: ${answer.status} for ${token}`)
        }
      }),
      { numRuns: 300, examples: [[{ first: 0, changes: [(token: string) => token] }]] },
    )
  })

  it('none of it is in a log', () => {
    assert.ok(sent.size > 200)
    started.assertNotLogged()
  })
})

describe('what else Better Auth signs and hands out', () => {
  it('401 for the tokens of mails, sessions and cookies, and 200 for that of GET /token', async () => {
    const mailbox = await startMailbox()
    const test = await startApp('postgres', {
      ...BEHIND_PROXY,
      SMTP_URL: mailbox.url,
      SMTP_FROM: 'todo@example.com',
    })
    const email = 'person@example.com'
    const body = { name: 'Somebody', email, password: PASSWORD }
    const { id } = (await auth(test, 'POST', '/sign-up/email', { body })).json.user
    const link = linkIn(await mailbox.next(email))
    await auth(test, 'GET', link.pathname.replace('/api/auth', '') + link.search)
    const reset = { email, redirectTo: '/new-password' }
    await auth(test, 'POST', '/request-password-reset', { body: reset })
    const resetLink =
      linkIn(await mailbox.next(email))
        .pathname.split('/')
        .at(-1) ?? ''
    const signedIn = await signIn(test, email)
    const session: string = signedIn.json.token
    const cookie = /=([^;]+)/.exec(String(signedIn.headers['set-cookie']))?.[1] ?? ''
    const verification = link.searchParams.get('token') ?? ''
    assert.equal(verification.split('.').length, 3)
    assert.ok(cookie.includes('.') && session.length > 20 && resetLink.length > 10)
    const target = `/api/${id}/tasks`
    for (const [what, token] of [
      ['the token of the verification mail', verification],
      ['the token of the reset mail', resetLink],
      ['the session', session],
      ['the cookie', cookie],
      ['the cookie, decoded', decodeURIComponent(cookie)],
      ['the session as three parts', `${session}.${session}.${session}`],
    ] as const) {
      await assertRefused(test, what, { target, headers: bearer(token) })
    }
    await assertRefused(
      test,
      'a cookie',
      { target, headers: [`Cookie: ${signedIn.headers['set-cookie']}`] },
      CHALLENGE,
    )
    const { token } = (await auth(test, 'GET', '/token', { session })).json
    await assertTaken(test, 'the token for the tasks', token, id)
    await test.close()
    await mailbox.close()
  })
})
