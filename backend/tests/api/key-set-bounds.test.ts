import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { jwtVerify } from 'jose/jwt/verify'
import { pino } from 'pino'
import { LIMITS } from '../../src/core/limits.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { type GetKey, remoteKeySet } from '../../src/http/identity/key-set.ts'
import { type KeyPage, type SigningKey, signingKey, startKeyPage } from '../support/key-page.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const filler = 'x'.repeat(LIMITS.keySetBytes)
const send =
  (body: string | Buffer, headers: object = JSON_TYPE, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { ...headers }).end(body)

describe('a key set that is not as it should be', () => {
  let page: KeyPage
  let key: SigningKey
  before(async () => {
    page = await startKeyPage()
    key = await signingKey('one')
  })
  after(() => page.close())

  const lines: string[] = []
  const wrote = new EventEmitter()
  beforeEach(() => lines.splice(0))
  const write = (line: string) => {
    lines.push(line)
    wrote.emit('line')
  }
  const log = pino(loggerOptions('info'), { write })
  /** Asks for the keys again with each token, and waits for them where it has none yet. */
  const open = (timeoutMs = 3_600_000) =>
    remoteKeySet(page.url, log, () => {}, { maxAgeMs: -1, cooldownMs: 0, timeoutMs })

  /** Until the log has so many lines: a renewal goes on behind the answer. */
  async function logged(count: number): Promise<string> {
    while (lines.length < count) await once(wrote, 'line')
    return lines.join('')
  }

  async function assertNotTaken(answer: RequestListener, reason: RegExp): Promise<void> {
    page.answer(answer)
    await assert.rejects(jwtVerify(await key.sign(), open()), { code: 'service_unavailable' })
    assert.match(await logged(1), reason)
    assert.ok(!lines.join('').includes('xxxxxxxx'))
    // And the keys of before are kept.
    page.serve([key.jwk])
    const getKey: GetKey = open()
    await jwtVerify(await key.sign(), getKey)
    page.answer(answer)
    lines.splice(0)
    await jwtVerify(await key.sign(), getKey)
    await logged(1)
    await jwtVerify(await key.sign(), getKey)
  }

  const set = (more: object) => JSON.stringify({ keys: [key.jwk], ...more })
  for (const [what, answer, reason] of [
    ['is too large, as its length says', () => send(set({ filler })), /more than 262144 bytes/],
    [
      'is too large when it is unpacked',
      () => send(gzipSync(set({ filler })), { ...JSON_TYPE, 'content-encoding': 'gzip' }),
      /more than 262144 bytes/,
    ],
    [
      'has too many keys',
      () => send(JSON.stringify({ keys: Array(LIMITS.keySetKeys + 1).fill(key.jwk) })),
      /more than 100 keys/,
    ],
    [
      'is elsewhere',
      () => send('', { location: '/other' }, 302),
      /The status of the response was 302/,
    ],
    ['is a failure', () => send(set({}), JSON_TYPE, 500), /The status of the response was 500/],
    ['is a page', () => send(set({}), { 'content-type': 'text/html' }), /not JSON/],
    ['is no JSON', () => send('{"keys":'), /SyntaxError|ERR_JOSE/],
    ['has no keys', () => send('{"keys":{"0":1}}'), /not a JSON Web Key Set/],
    ['is null', () => send('null'), /not a JSON Web Key Set/],
  ] as const) {
    it(`keeps the previous keys when the set ${what}`, () => assertNotTaken(answer(), reason))
  }

  it('is read no further than its bound, and the connection is closed', async () => {
    const closed = Promise.withResolvers<number>()
    page.answer((_request, response) => {
      let bytes = 0
      response.writeHead(200, JSON_TYPE)
      const pour = () => {
        while (!response.destroyed && response.write(filler)) bytes += filler.length
      }
      response.on('drain', pour)
      response.on('close', () => closed.resolve(bytes))
      pour()
    })
    await assert.rejects(jwtVerify(await key.sign(), open()), { code: 'service_unavailable' })
    await closed.promise
    assert.match(await logged(1), /more than 262144 bytes/)
  })

  it('is given up where its body never ends', async (context) => {
    // The time is over when the answer has begun, however long that took.
    const time = new AbortController()
    const timeout = context.mock.method(AbortSignal, 'timeout', () => time.signal)
    const begun = Promise.withResolvers<ServerResponse>()
    page.answer((_request, response) => {
      response.writeHead(200, JSON_TYPE).write('{"keys":', () => begun.resolve(response))
    })
    const verified = jwtVerify(await key.sign(), open(50))
    const refused = assert.rejects(verified, { code: 'service_unavailable' })
    const stalled = await begun.promise
    time.abort(new DOMException('The time is over', 'TimeoutError'))
    await refused
    assert.deepEqual(timeout.mock.calls[0]?.arguments, [50])
    if (!stalled.destroyed) await once(stalled, 'close')
    assert.match(await logged(1), /ERR_JWKS_TIMEOUT/)
  })

  it('is accepted with the media types of JSON, and without one', async () => {
    for (const type of [
      'application/json; charset=utf-8',
      'application/jwk-set+json',
      'text/plain; charset=utf-8',
      undefined,
    ]) {
      page.answer(send(set({}), type === undefined ? {} : { 'content-type': type }))
      await jwtVerify(await key.sign(), open())
    }
  })

  it('may have unknown members, however deep, and entries that are not keys', async () => {
    const deep = `"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const odd = { ...key.jwk, kid: 'two', key_ops: [['verify']] }
    const keys = [null, 7, 'x', [], {}, odd].map((one) => JSON.stringify(one)).join()
    const good = `{${deep},${JSON.stringify(key.jwk).slice(1)}`
    page.answer(send(`{"keys":[${keys},${good}],${deep}}`))
    const getKey = open()
    for (let time = 0; time < 3; time += 1) await jwtVerify(await key.sign(), getKey)
    await assert.rejects(jwtVerify(await key.sign({}, { kid: 'two' }), getKey))
  })

  afterEach(() => page.answer(send('', {}, 500)))
})
