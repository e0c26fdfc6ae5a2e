import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { speak, statuses } from '../support/speak.ts'

const BODY = '{"title":"x"}'
const LENGTH = BODY.length
const hex = LENGTH.toString(16)
const CHUNKS = `${hex}\r\n${BODY}\r\n0\r\n\r\n`
const chunked = 'Transfer-Encoding: chunked\r\n'
const length = `Content-Length: ${LENGTH}\r\n`

/** In the requests below, where the tokens of the asker and of somebody else belong. */
const [MINE, THEIRS] = ['<mine>', '<theirs>']
const AS_MINE = `Host: a\r\nAuthorization: Bearer ${MINE}\r\n`
const SECOND = `GET /api/bob/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${THEIRS}\r\nConnection: close\r\n\r\n`

const post = (headers: string, body: string, version = '1.1') =>
  `POST /api/alice/tasks HTTP/${version}\r\n${AS_MINE}Content-Type: application/json\r\n${headers}\r\n${body}`
const get = (headers = '', line = 'GET /api/alice/tasks HTTP/1.1') =>
  `${line}\r\n${AS_MINE}${headers}\r\n`

/** Where this ends, or what it is, one server may read otherwise than the next. */
const REFUSED: Record<string, string> = {
  'a length, then chunks': post(length + chunked, CHUNKS),
  'chunks, then a length': post(chunked + length, CHUNKS),
  'two equal lengths': post(length + length, BODY),
  'two lengths': post(`${length}Content-Length: 0\r\n`, BODY),
  'a list of lengths': post('Content-Length: 1, 2\r\n', BODY),
  'a list of equal lengths': post(`Content-Length: ${LENGTH}, ${LENGTH}\r\n`, BODY),
  'a length with a sign': post(`Content-Length: +${LENGTH}\r\n`, BODY),
  'a negative length': post(`Content-Length: -${LENGTH}\r\n`, BODY),
  'a hexadecimal length': post(`Content-Length: 0x${hex}\r\n`, BODY),
  'a length with an exponent': post('Content-Length: 1e1\r\n', BODY),
  'a length with a space in it': post('Content-Length: 1 3\r\n', BODY),
  'a length that wraps around': post('Content-Length: 18446744073709551629\r\n', BODY),
  'no length at all': post('Content-Length: \r\n', BODY),
  'chunks, then identity': post('Transfer-Encoding: chunked, identity\r\n', CHUNKS),
  'identity, then chunks': post('Transfer-Encoding: identity, chunked\r\n', CHUNKS),
  'gzip, then chunks': post('Transfer-Encoding: gzip, chunked\r\n', CHUNKS),
  identity: post(`Transfer-Encoding: identity\r\n`, CHUNKS),
  'identity and a length': post(`Transfer-Encoding: identity\r\n${length}`, BODY),
  'a coding that begins like chunked': post('Transfer-Encoding: chunkedx\r\n', CHUNKS),
  'a coding that ends like chunked': post('Transfer-Encoding: xchunked\r\n', CHUNKS),
  'chunked between tabs': post('Transfer-Encoding:\tchunked\t\r\n', CHUNKS),
  'chunked behind a vertical tab': post('Transfer-Encoding: \x0bchunked\r\n', CHUNKS),
  'chunked in quotes': post('Transfer-Encoding: "chunked"\r\n', CHUNKS),
  'chunked with a parameter': post('Transfer-Encoding: chunked;a=b\r\n', CHUNKS),
  'chunked before a NUL': post('Transfer-Encoding: chunked\0\r\n', CHUNKS),
  'chunked twice': post(chunked + chunked, CHUNKS),
  'chunked and identity in two headers': post(`${chunked}Transfer-Encoding: identity\r\n`, CHUNKS),
  'identity and chunked in two headers': post(`Transfer-Encoding: identity\r\n${chunked}`, CHUNKS),
  'no coding at all': post('Transfer-Encoding: \r\n', CHUNKS),
  'chunks in HTTP/1.0': post(chunked, CHUNKS, '1.0'),
  'chunks and a length in HTTP/1.0': post(chunked + length, CHUNKS, '1.0'),
  'a folded header': post(`X: a\r\n b\r\n${length}`, BODY),
  'a folded length': post(`Content-Length:\r\n ${LENGTH}\r\n`, BODY),
  'a folded coding': post('Transfer-Encoding:\r\n chunked\r\n', CHUNKS),
  'a first header that is folded': `GET /livez HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n`,
  'a line that ends with LF': post(`X: a\n${length}`, BODY),
  'lines that all end with LF': post(length, BODY).replaceAll('\r\n', '\n'),
  'headers that end with two LF': post(length, BODY).replace('\r\n\r\n', '\n\n'),
  'a line that ends with CR': post(`X: a\r${length}`, BODY),
  'a CR in a header': post(`X: a\rb\r\n${length}`, BODY),
  'a NUL in a header': post(`X: a\0b\r\n${length}`, BODY),
  "a NUL in a header's name": post(`X\0: a\r\n${length}`, BODY),
  'a space before the colon of a length': post(`Content-Length : ${LENGTH}\r\n`, BODY),
  'a space before the colon of a coding': post(`${length}Transfer-Encoding : chunked\r\n`, BODY),
  'a header without a colon': post(`Xaaa\r\n${length}`, BODY),
  'a header without a name': post(`: x\r\n${length}`, BODY),
  'two hosts': post(`Host: b\r\n${length}`, BODY),
  'no host': post(length, BODY).replace('Host: a\r\n', ''),
  'a chunk whose size wraps around': post(
    chunked,
    `1${'0'.repeat(15)}${hex}\r\n${BODY}\r\n0\r\n\r\n`,
  ),
  'a chunk with a negative size': post(chunked, `-${CHUNKS}`),
  'a chunk with a signed size': post(chunked, `+${CHUNKS}`),
  'a chunk with 0x before its size': post(chunked, `0x${CHUNKS}`),
  'a chunk with a space behind its size': post(chunked, `${hex} \r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk whose size ends with LF': post(chunked, `${hex}\n${BODY}\r\n0\r\n\r\n`),
  'a chunk whose extension ends with LF': post(chunked, `${hex};a\n${BODY}\r\n0\r\n\r\n`),
  'a chunk whose extension has a CR': post(chunked, `${hex};a\rb\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk whose extension never ends': post(
    chunked,
    `${hex};${'a'.repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`,
  ),
  'a chunk without an end': post(chunked, `${hex}\r\n${BODY}0\r\n\r\n`),
  'a chunk that ends with LF': post(chunked, `${hex}\r\n${BODY}\n0\r\n\r\n`),
  'a chunk that is longer than its size': post(chunked, `c\r\n${BODY}\r\n0\r\n\r\n`),
  'a last chunk that ends with LF': post(chunked, `${hex}\r\n${BODY}\r\n0\n\n`),
  'a length among the trailers': post(
    chunked,
    `${hex}\r\n${BODY}\r\n0\r\nContent-Length: 50\r\n\r\n`,
  ),
  'a coding among the trailers': post(chunked, `${hex}\r\n${BODY}\r\n0\r\n${chunked}\r\n`),
  'HTTP/0.9': 'GET /api/alice/tasks\r\n\r\n',
  'HTTP/1.2': get('', 'GET /api/alice/tasks HTTP/1.2'),
  'HTTP/2.0': get('', 'GET /api/alice/tasks HTTP/2.0'),
  'http/1.1 in lower case': get('', 'GET /api/alice/tasks http/1.1'),
  'a path with a space in it': get('', 'GET /api/alice/tasks x HTTP/1.1'),
  'a tab behind the method': get('', 'GET\t/api/alice/tasks HTTP/1.1'),
  'a method in lower case': get('', 'get /api/alice/tasks HTTP/1.1'),
  'a method nobody knows': get('', 'FOO /api/alice/tasks HTTP/1.1'),
  'CONNECT to a host': get('', 'CONNECT a:443 HTTP/1.1'),
  'CONNECT to a path': get('', 'CONNECT /api/alice/tasks HTTP/1.1'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  'a TLS handshake': '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\x03',
}

/** Its end is certain, so what follows is another request, of its own sender. */
const LEGAL: Record<string, [number, string]> = {
  'a length': [201, post(length, BODY)],
  'a length with leading zeros': [201, post(`Content-Length: 00${LENGTH}\r\n`, BODY)],
  chunks: [201, post(chunked, CHUNKS)],
  'chunks in capitals': [201, post(chunked.toUpperCase(), CHUNKS)],
  'a chunk with leading zeros': [201, post(chunked, `${'0'.repeat(30)}${CHUNKS}`)],
  'a chunk with extensions': [201, post(chunked, `${hex};a=b;c="d"\r\n${BODY}\r\n0\r\n\r\n`)],
  'a coding that is spelled otherwise': [
    201,
    post(`Transfer_Encoding: chunked\r\n${length}`, BODY),
  ],
  'another token among the trailers': [
    201,
    post(chunked, `${hex}\r\n${BODY}\r\n0\r\nAuthorization: Bearer ${THEIRS}\r\n\r\n`),
  ],
  'a token among the trailers alone': [
    401,
    post(chunked, `${hex}\r\n${BODY}\r\n0\r\nAuthorization: Bearer ${MINE}\r\n\r\n`).replace(
      `Authorization: Bearer ${MINE}\r\n`,
      '',
    ),
  ],
  'a GET with a body': [200, get(length) + BODY],
  'a GET with a body in chunks': [200, get(chunked) + CHUNKS],
  'an expectation': [201, post(`Expect: 100-continue\r\n${length}`, BODY)],
  'an expectation nobody knows': [201, post(`Expect: 200-ok\r\n${length}`, BODY)],
  'empty lines before it': [200, `\r\n\r\n${get()}`],
  TRACE: [405, get('', 'TRACE /api/alice/tasks HTTP/1.1')],
  PROPFIND: [405, get('', 'PROPFIND /api/alice/tasks HTTP/1.1')],
  'a star for a path': [404, get('', 'OPTIONS * HTTP/1.1')],
}

const inside = (headers: string, line: string) =>
  `${line}\r\nHost: a\r\n${headers}Content-Length: ${SECOND.length}\r\n\r\n`
const bearer = `Authorization: Bearer ${MINE}\r\n`

/** What follows belongs to it, or to a protocol that is not spoken here. */
const ALONE: Record<string, [number, string]> = {
  'the body of a GET': [200, inside(bearer, 'GET /api/alice/tasks HTTP/1.1')],
  'the body of a GET without a token': [200, inside('', 'GET /livez HTTP/1.1')],
  'a body that is refused for its token': [401, inside('', 'POST /api/alice/tasks HTTP/1.1')],
  'a body that is refused for its path': [404, inside('', 'POST /nothing HTTP/1.1')],
  'a body that is refused for its type': [415, inside(bearer, 'POST /api/alice/tasks HTTP/1.1')],
  'a body that is too long': [
    413,
    post(`Content-Length: ${100_000 + SECOND.length}\r\n`, 'x'.repeat(100_000)),
  ],
  'an upgrade to HTTP/2': [
    200,
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
  ],
  'an upgrade to a WebSocket': [
    200,
    get(
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    ),
  ],
  'an upgrade with a body': [201, post(`Connection: Upgrade\r\nUpgrade: h2c\r\n${length}`, BODY)],
}

describe('a request with the request of another user behind it', () => {
  let test: TestApp
  let tokens: { mine: string; theirs: string }
  before(async () => {
    test = await startApp('postgres')
    tokens = { mine: await test.token('alice'), theirs: await test.token('bob') }
    await test.send('POST', '/api/bob/tasks', { body: { title: 'of-bob-alone' } })
  })
  after(() => test.close())

  /** @param halfClose closes the sending side at once; the answer comes all the same. */
  function say(first: string, halfClose: boolean): Promise<string> {
    // A length that is said counts the second request with its token in it.
    const grown = SECOND.length + tokens.theirs.length - THEIRS.length
    const bytes = (first.replace(`: ${SECOND.length}\r\n`, `: ${grown}\r\n`) + SECOND)
      .replaceAll(MINE, tokens.mine)
      .replaceAll(THEIRS, tokens.theirs)
    return speak(test.port, bytes, halfClose)
  }
  const tasksOfAlice = async () => (await test.send('GET', '/api/alice/tasks')).json.length

  it('400 once, and the connection is closed, where its end is not certain', async () => {
    const earlier = await tasksOfAlice()
    for (const [what, first] of Object.entries(REFUSED)) {
      for (const halfClose of [false, true]) {
        const text = await say(first, halfClose)
        assert.deepEqual(statuses(text), [400], what)
        assert.match(text, /^connection: close\r$/im, what)
        assert.match(text, /^content-type: application\/problem\+json/im, what)
        assert.match(text, /^x-request-id: \S+\r$/im, what)
        assert.match(text, /"error":"bad_request"/, what)
        assert.ok(!text.includes('of-bob-alone'), what)
      }
    }
    assert.equal(await tasksOfAlice(), earlier)
    assert.ok(Object.keys(REFUSED).length > 70)
  })

  it('two answers, each to its own, where its end is certain', async () => {
    for (const [what, [status, first]] of Object.entries(LEGAL)) {
      for (const halfClose of [false, true]) {
        const text = await say(first, halfClose)
        assert.deepEqual(statuses(text), [status, 200], what)
        const second = text.lastIndexOf('HTTP/1.1 ')
        assert.ok(!text.slice(0, second).includes('of-bob-alone'), what)
        assert.ok(text.slice(second).includes('of-bob-alone'), what)
      }
    }
  })

  it('one answer where what is behind belongs to it, or to another protocol', async () => {
    for (const [what, [status, first]] of Object.entries(ALONE)) {
      const text = await say(first, true)
      assert.deepEqual(statuses(text), [status], what)
      assert.ok(!text.includes('of-bob-alone'), what)
    }
  })

  it('an upgrade that is not made closes the connection behind its answer', async () => {
    for (const [what, [status, first]] of Object.entries(ALONE)) {
      if (!what.startsWith('an upgrade')) continue
      const text = await say(first, false)
      assert.deepEqual(statuses(text), [status], what)
      assert.match(text, /^connection: close\r$/im, what)
    }
  })

  it('none of that is a fault of the server in its log', () => {
    assert.ok(test.log.length > 100)
    const faults = test.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    assert.deepEqual(faults, [])
  })
})
