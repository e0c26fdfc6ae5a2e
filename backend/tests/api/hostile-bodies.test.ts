import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import fc from 'fast-check'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { assertProblem } from '../support/problem.ts'
import { type RawAnswer, sendRaw, WORK_LIMIT_MS } from '../support/raw-request.ts'

const BODY_LIMIT = 65_536
const JSON_TYPE = 'Content-Type: application/json'
const LENGTH = 'must be 1 to 500 characters'
const UNICODE = 'must be well-formed Unicode without U+0000'
const UNKNOWN = 'is unknown'

/** Every JSON type, and what a reader may take for another one, as text: so 1e400 and -0 are sent. */
const VALUES = [
  ...['null', 'true', 'false', '0', '1', '-0', '-1', '1.5', '1e400', '-1e400', '1e-400'],
  ...['9007199254740993', '9'.repeat(400), `0.${'1'.repeat(400)}`, '1E+2'],
  ...['""', '" "', '"text"', '"true"', '"null"', '"0"', '"[]"', '"\\u0061"'],
  ...['[]', '[null]', '["text"]', '[true]', '[[]]', '[{}]', '{}', '{"title":"x"}', '{"length":1}'],
  ...[
    '{"toString":"x"}',
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
  ],
]

type Member = (typeof MEMBERS)[number]
type Faults = [path: string, message: string][]

/** What is wrong with the value of a member; undefined where it is taken. */
function faultOf(member: Member, value: unknown): string | undefined {
  if (member === 'completed')
    return typeof value === 'boolean' ? undefined : 'must be true or false'
  if (member === 'description') {
    return value === null || typeof value === 'string' ? undefined : 'must be a string or null'
  }
  if (typeof value !== 'string') return 'must be a string'
  return value.trim() === '' ? LENGTH : undefined
}

/** An operation that takes a body, and the members around the one that is tried. */
interface Operation {
  readonly method: string
  readonly at: string
  readonly members: readonly Member[]
  readonly beside: string
}
const MEMBERS = ['title', 'description', 'completed'] as const
const POST: Operation = { method: 'POST', at: '', members: MEMBERS, beside: '"title":"beside"' }
const PUT: Operation = { method: 'PUT', at: '/:id', members: MEMBERS, beside: '"title":"beside"' }
const PATCH: Operation = {
  method: 'PATCH',
  at: '/:id/complete',
  members: ['completed'],
  beside: '"completed":true',
}
const OPERATIONS = [POST, PUT, PATCH]
const WRITES = [POST, PUT]

/** A body in which one member has this value, and nothing is missing. */
function bodyWith({ method, beside }: Operation, member: Member, value: string): string {
  return `{${method === 'POST' && member !== 'title' ? `${beside},` : ''}"${member}":${value}}`
}

const levels = (open: string, close: string, inside = '') =>
  open.repeat(5_000) + inside + close.repeat(5_000)
const ARRAYS = levels('[', ']')
const OBJECTS = levels('{"a":', '}', '1')

/** ECMAScript's white space and line ends, and what looks empty and is not among them. */
const WHITE =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'
const NOT_WHITE =
  '\u0085\u00ad\u180e\u200b\u200c\u200d\u200e\u2060\u2063\u2800\u3164\u{e0020}\u001c\u001f\u0008\u007f\u034f'
const FAMILY = '👩‍👩‍👧‍👦'

/** JSON of exactly so many bytes. */
const padded = (bytes: number) => `{"title":"x"}`.padEnd(bytes)

function chunked(body: string | Buffer, size: number, extension = '', trailers = ''): Buffer {
  const bytes = Buffer.from(body)
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size)
    chunks.push(
      Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    )
  }
  return Buffer.concat([...chunks, Buffer.from(`0${extension}\r\n${trailers}\r\n`)])
}
const CHUNKED = 'Transfer-Encoding: chunked'
const title = (bytes: number[]) =>
  Buffer.concat([Buffer.from('{"title":"a'), Buffer.from(bytes), Buffer.from('b"}')])

/** Bodies that are refused before anything is asked of their members. */
const UNREADABLE: [
  what: string,
  status: 400 | 413 | 415,
  body: string | Buffer,
  ...headers: string[],
][] = [
  ...[
    'a NUL in a string|{"title":"a\0b"}',
    'a NUL before|\0{"title":"x"}',
    'a NUL behind|{"title":"x"}\0',
    'a raw line end in a string|{"title":"a\nb"}',
    'a raw U+001F in a string|{"title":"a\u001fb"}',
    'a byte order mark|\ufeff{"title":"x"}',
    'a byte order mark behind|{"title":"x"}\ufeff',
    'white space alone| \t\r\n ',
    'white space of Unicode around|\u00a0{"title":"x"}',
    'two objects|{"title":"x"}{"title":"y"}',
    'two lines|{"title":"x"}\n{"title":"y"}',
    'a comment|{"title":"x"/* */}',
    "single quotes|{'title':'x'}",
    'a name without quotes|{title:"x"}',
    'undefined|{"title":undefined}',
    'Infinity|{"completed":Infinity}',
    'a hexadecimal number|{"completed":0x1}',
    'a leading zero|{"completed":01}',
    'a leading plus|{"completed":+1}',
    'half a number|{"completed":1.}',
    'an escape that is none|{"title":"\\x41"}',
    'half an escape|{"title":"\\u00"}',
    'an escaped name without an end|{"title":"x","\\',
    'half a word|{"completed":tru',
    `60000 levels without an end|${'['.repeat(60_000)}`,
    `10000 objects without an end|${'{"a":'.repeat(10_000)}`,
    'JavaScript|)]}\',\n{"title":"x"}',
    'XML|<title>x</title>',
    'a form|title=x&completed=true',
  ].map((line): [string, 400, string, string] => {
    const at = line.indexOf('|')
    return [line.slice(0, at), 400, line.slice(at + 1), JSON_TYPE]
  }),
  ...Object.entries({
    'a byte that no UTF-8 has': [0xff],
    'a byte of the middle alone': [0x80],
    'half a character': [0xe2, 0x82],
    'an overlong slash': [0xc0, 0xaf],
    'an overlong NUL': [0xc0, 0x80],
    'three bytes for an a': [0xe0, 0x81, 0xa1],
    'a surrogate': [0xed, 0xa0, 0x80],
    'a pair of surrogates (CESU-8)': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    'a code point above all': [0xf4, 0x90, 0x80, 0x80],
    'five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'Latin-1': [0xe9],
  }).map(([what, bytes]): [string, 400, Buffer, string] => [
    `in UTF-8 ${what}`,
    400,
    title(bytes),
    JSON_TYPE,
  ]),
  [
    'in UTF-8 half a character behind',
    400,
    Buffer.from([...Buffer.from('{"title":"x"}'), 0xc3]),
    JSON_TYPE,
  ],
  ['UTF-16', 400, Buffer.from('{"title":"x"}', 'utf16le'), JSON_TYPE],
  ['UTF-16 with its mark', 400, Buffer.from('\ufeff{"title":"x"}', 'utf16le'), JSON_TYPE],
  [
    'UTF-16 in the other order',
    400,
    Buffer.from('\ufeff{"title":"x"}', 'utf16le').swap16(),
    JSON_TYPE,
  ],
  ['a compressed body that does not say so', 400, gzipSync('{"title":"x"}'), JSON_TYPE],

  ...Object.entries({
    gzip: gzipSync,
    'x-gzip': gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
    compress: deflateRawSync,
    'gzip, identity': gzipSync,
    'identity, gzip': gzipSync,
    'gzip, gzip': (text: string) => gzipSync(gzipSync(text)),
    GZIP: gzipSync,
  }).map(([encoding, compress]): [string, 415, Buffer, string, string] => [
    `the encoding ${encoding}`,
    415,
    compress('{"title":"x"}'),
    JSON_TYPE,
    `Content-Encoding: ${encoding}`,
  ]),
  ['an encoding that is not applied', 415, '{"title":"x"}', JSON_TYPE, 'Content-Encoding: gzip'],
  ['an encoding that is none', 415, '{"title":"x"}', JSON_TYPE, 'Content-Encoding: utf-8'],
  [
    'two encodings',
    415,
    '{"title":"x"}',
    ...[JSON_TYPE, 'Content-Encoding: identity', 'Content-Encoding: gzip'],
  ],
  ...[
    ...[
      'utf-16',
      'utf-16le',
      'utf-32',
      'utf-7',
      'iso-8859-1',
      'us-ascii',
      'windows-1252',
      '',
      'utf-8x',
    ],
    ...['utf-8; charset=utf-16', 'utf-16; charset=utf-8', '"utf-16"', 'utf-8,utf-16'],
  ].map((charset): [string, 415, string, string] => [
    `the charset ${charset}`,
    415,
    '{"title":"x"}',
    `${JSON_TYPE}; charset=${charset}`,
  ]),
  ...[
    ...[
      'text/json',
      'text/plain',
      'text/html',
      'text/javascript',
      'application/javascript',
      'json',
    ],
    ...['application/x-json', 'application/jsonp', 'application/json5', 'application/jsonlines'],
    ...['application/ld+json', 'application/merge-patch+json', 'application/json-patch+json'],
    ...['application/vnd.api+json', 'application/problem+json', 'application/json+xml', 'x/json'],
    ...[
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'multipart/form-data',
    ],
    ...['application/octet-stream', 'application/xml', 'application/cbor', 'application/*', '*/*'],
    ...[
      'application/json, text/plain',
      'application/json/x',
      'application /json',
      'application/',
      '/json',
    ],
    ...[
      'xapplication/json',
      ';charset=utf-8',
      '',
      'application\\json',
      'text/plain; application/json',
    ],
  ].map((type): [string, 415, string, string] => [
    `the type ${type}`,
    415,
    '{"title":"x"}',
    `Content-Type: ${type}`,
  ]),
  ['no type', 415, '{"title":"x"}'],
  ['two types', 415, '{"title":"x"}', JSON_TYPE, 'Content-Type: text/plain'],
  ['two types, the other first', 415, '{"title":"x"}', 'Content-Type: text/plain', JSON_TYPE],

  ['a byte more than 64 KiB', 413, padded(BODY_LIMIT + 1), JSON_TYPE],
  ...[1, 7, 4_096, BODY_LIMIT, BODY_LIMIT + 1].map((size): [string, 413, Buffer, ...string[]] => [
    `a byte more than 64 KiB in chunks of ${size}`,
    413,
    chunked(padded(BODY_LIMIT + 1), size),
    ...[JSON_TYPE, CHUNKED],
  ]),
  ['a byte more, announced', 413, padded(BODY_LIMIT + 1), JSON_TYPE, 'Expect: 100-continue'],
  ['a length that is too much', 413, '{', JSON_TYPE, `Content-Length: ${BODY_LIMIT + 1}`],
  ['a length of a terabyte', 413, '{', JSON_TYPE, 'Content-Length: 1000000000000'],
  ['a length beyond all', 400, '{', JSON_TYPE, 'Content-Length: 99999999999999999999'],
  ['a length below zero', 400, '{', JSON_TYPE, 'Content-Length: -1'],
  // The type is known before the body is read, a charset or an encoding is looked at when it was.
  ['too much of another type', 415, padded(BODY_LIMIT + 1), 'Content-Type: text/plain'],
  ['too much of no type', 415, padded(BODY_LIMIT + 1)],
  ['too much in another charset', 413, padded(BODY_LIMIT + 1), `${JSON_TYPE}; charset=utf-16`],
  ['too much in an encoding', 413, padded(BODY_LIMIT + 1), JSON_TYPE, 'Content-Encoding: gzip'],
  ['too much that is no JSON', 413, 'x'.repeat(BODY_LIMIT + 1), JSON_TYPE],
]
const CODES = {
  400: 'bad_request',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
} as const

/** Ways to send one and the same body that are all taken. */
const READABLE: [what: string, body: string | Buffer, ...headers: string[]][] = [
  ['its length', '{"title":"x"}', JSON_TYPE],
  ['white space of JSON around', ' \t\r\n{ "title"\n:\r"x"\t} \n', JSON_TYPE],
  ['64 KiB', padded(BODY_LIMIT), JSON_TYPE],
  ...[1, 7, 4_096, BODY_LIMIT].map((size): [string, Buffer, ...string[]] => [
    `64 KiB in chunks of ${size}`,
    chunked(padded(BODY_LIMIT), size),
    ...[JSON_TYPE, CHUNKED],
  ]),
  ['chunk extensions', chunked('{"title":"x"}', 5, ';name=value;x="\\""'), JSON_TYPE, CHUNKED],
  [
    'trailers',
    chunked('{"title":"x"}', 5, '', 'Content-Type: text/plain\r\nX-Y: z\r\n'),
    ...[JSON_TYPE, CHUNKED, 'Trailer: Content-Type, X-Y'],
  ],
  [
    'chunk sizes in upper case with zeros before',
    '00D\r\n{"title":"x"}\r\n000\r\n\r\n',
    JSON_TYPE,
    CHUNKED,
  ],
  ['an expectation', '{"title":"x"}', JSON_TYPE, 'Expect: 100-continue'],
  ['an expectation in upper case', '{"title":"x"}', JSON_TYPE, 'Expect: 100-CONTINUE'],
  ['an expectation that is not known', '{"title":"x"}', JSON_TYPE, 'Expect: x'],
  ['no encoding, by name', '{"title":"x"}', JSON_TYPE, 'Content-Encoding: IDENTITY'],
  ['a charset in quotes', '{"title":"x"}', `${JSON_TYPE} ; charset = "UTF-8"`],
  ['a type in upper case', '{"title":"x"}', 'content-type: APPLICATION/JSON'],
]

for (const kind of KINDS) {
  describe(`bodies of hostile clients on ${kind}`, () => {
    let test: TestApp
    let token: string
    let id: string
    const prototype = Object.getOwnPropertyNames(Object.prototype).sort()
    before(async () => {
      test = await startApp(kind)
      token = await test.token('alice')
      id = (await test.send('POST', '/api/alice/tasks', { body: { title: 'Kept' } })).json.id
    })
    after(() => test.close())

    async function send(
      { method, at }: Pick<Operation, 'method' | 'at'>,
      body: string | Buffer | undefined,
      headers: readonly string[] = [JSON_TYPE],
    ): Promise<RawAnswer> {
      const answer = await sendRaw(test.port, {
        method,
        target: `/api/alice/tasks${at.replace(':id', id)}`,
        headers: [`Authorization: Bearer ${token}`, ...headers],
        ...(body !== undefined && { body }),
      })
      assert.ok(answer.workMs < WORK_LIMIT_MS, 'took too long')
      return answer
    }

    /** The task is answered, and read again it is the same bytes. */
    async function assertTaken(answer: RawAnswer, sent: object, what: string) {
      assert.equal(
        answer.status,
        answer.headers.location === undefined ? 200 : 201,
        `${what}: ${answer.text}`,
      )
      for (const [member, value] of Object.entries(sent)) {
        assert.deepEqual(answer.json[member], value, `${what}: ${member}`)
      }
      const again = await send({ method: 'GET', at: `/${answer.json.id}` }, undefined, [])
      assert.equal(again.text, answer.text, what)
    }

    function assertFaults(answer: RawAnswer, faults: Faults, what: string): void {
      assertProblem(answer, 'validation_error', what)
      const expected = faults.map(([path, message]) => ({ in: 'body', path, message }))
      const order = (all: object[]) => all.map((fault) => JSON.stringify(fault)).sort()
      assert.deepEqual(order(answer.json.errors), order(expected), what)
    }

    const state = () =>
      test.admin('select title, description, completed, updated_at, id from todo.tasks order by id')
    /** Nothing that is refused leaves a trace. */
    async function unchangedBy(refused: () => Promise<void>): Promise<void> {
      const before = await state()
      assert.ok(before.length > 0)
      await refused()
      assert.deepEqual(await state(), before)
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), prototype)
      assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    }

    it('each JSON type in each member: taken where it is the member’s, else 422 that names it', async () => {
      for (const operation of OPERATIONS) {
        for (const member of operation.members) {
          for (const value of VALUES) {
            const what = `${operation.method} ${member} ${value.slice(0, 40)}`
            const answer = await send(operation, bodyWith(operation, member, value))
            const read = JSON.parse(value)
            const fault = faultOf(member, read)
            if (fault !== undefined) assertFaults(answer, [[`/${member}`, fault]], what)
            else
              await assertTaken(answer, { [member]: member === 'title' ? read.trim() : read }, what)
          }
        }
      }
    })

    it('422 for each JSON type in place of the object, and in a member that is not known', () =>
      unchangedBy(async () => {
        for (const operation of OPERATIONS) {
          for (const value of VALUES) {
            const what = `${operation.method} ${value.slice(0, 40)}`
            const member = await send(operation, `{${operation.beside},"priority":${value}}`)
            assertFaults(member, [['/priority', UNKNOWN]], what)
            if (value.startsWith('{')) continue
            assertFaults(await send(operation, value), [['', 'must be a JSON object']], what)
          }
        }
      }))

    it('422 for members that every object inherits, and nothing is polluted', () =>
      unchangedBy(async () => {
        const values = [
          '1',
          'null',
          '{"polluted":1}',
          '{"prototype":{"polluted":1}}',
          '["polluted"]',
        ]
        for (const operation of OPERATIONS) {
          for (const name of ['prototype', ...prototype]) {
            for (const value of values) {
              const answer = await send(operation, `{${operation.beside},"${name}":${value}}`)
              assertFaults(answer, [[`/${name}`, UNKNOWN]], `${operation.method} ${name} ${value}`)
            }
          }
          const escaped = `{${operation.beside},"\\u005f_proto_\\u005f":{"polluted":1}}`
          assertFaults(await send(operation, escaped), [['/__proto__', UNKNOWN]], 'escaped')
          const [member = 'title'] = operation.members
          const inherited = `{"__proto__":{${operation.beside}}}`
          const missing: Faults = operation === POST ? [['/title', 'is required']] : []
          assertFaults(
            await send(operation, inherited),
            [['/__proto__', UNKNOWN], ...missing],
            'inherited',
          )
          const within = `{"${member}":{"__proto__":{"polluted":1}}}`
          assertFaults(
            await send(operation, within),
            [[`/${member}`, String(faultOf(member, {}))]],
            'within',
          )
        }
      }))

    it('422 for 5000 levels, wherever they are', () =>
      unchangedBy(async () => {
        for (const operation of OPERATIONS) {
          for (const deep of [ARRAYS, OBJECTS, '['.repeat(32_000) + ']'.repeat(32_000)]) {
            for (const member of operation.members) {
              const answer = await send(operation, bodyWith(operation, member, deep))
              assertFaults(
                answer,
                [[`/${member}`, String(faultOf(member, []))]],
                `${operation.method} ${member}`,
              )
            }
            const unknown = await send(operation, `{${operation.beside},"x":${deep}}`)
            assertFaults(unknown, [['/x', UNKNOWN]], operation.method)
            if (deep.startsWith('[')) {
              assertFaults(
                await send(operation, deep),
                [['', 'must be a JSON object']],
                operation.method,
              )
            }
          }
        }
      }))

    it('422 with the first 20 of thousands of members and the number of the others, in bounded time', () =>
      unchangedBy(async () => {
        const names = Array.from({ length: 6_000 }, (_, n) => `m${n}`)
        const members = names.map((name) => `"${name}":1`).join()
        const long = 'n'.repeat(60_000)
        for (const operation of OPERATIONS) {
          const many = await send(operation, `{${operation.beside},${members}}`)
          assertFaults(
            many,
            names.slice(0, 20).map((name) => [`/${name}`, UNKNOWN]),
            operation.method,
          )
          assert.equal(many.json.more, names.length - 20, operation.method)
          const one = await send(operation, `{${operation.beside},"${long}":1}`)
          assertFaults(one, [[`/${long.slice(0, 124)}…`, UNKNOWN]], operation.method)
          const odd = await send(operation, `{${operation.beside},"\\ud800\\u0000~/":1}`)
          assertFaults(odd, [['/\ud800\0~0~1', UNKNOWN]], operation.method)
        }
      }))

    it('of a member that comes twice the last counts', async () => {
      for (const operation of WRITES) {
        for (const [body, sent] of [
          ['{"title":"a","title":"b"}', { title: 'b' }],
          ['{"title":1,"title":"b"}', { title: 'b' }],
          ['{"title":"a","\\u0074itle":"b"}', { title: 'b' }],
          ['{"title":"a","completed":"x","completed":true}', { title: 'a', completed: true }],
          ['{"title":"a","description":"x","description":null}', { description: null }],
        ] as const) {
          await assertTaken(await send(operation, body), sent, body)
        }
        await unchangedBy(async () => {
          const last = await send(operation, '{"title":"a","title":1}')
          assertFaults(last, [['/title', 'must be a string']], operation.method)
          const blank = await send(operation, '{"title":"a","\\u0074itle":" "}')
          assertFaults(blank, [['/title', LENGTH]], operation.method)
        })
      }
    })

    it('422 for U+0000 and for lone surrogates, in every member that is text', () =>
      unchangedBy(async () => {
        for (const operation of WRITES) {
          for (const member of ['title', 'description'] as const) {
            for (const text of [
              '\\u0000',
              'a\\u0000',
              '\\ud800',
              '\\udfff',
              'a\\ud834',
              '\\udd1e\\ud834',
              '\\ud834x\\udd1e',
            ]) {
              const answer = await send(operation, bodyWith(operation, member, `"${text}"`))
              assertFaults(
                answer,
                [[`/${member}`, UNICODE]],
                `${operation.method} ${member} ${text}`,
              )
            }
          }
        }
      }))

    it('500 characters of any kind are a title, 501 are none, and white space around is not counted', async () => {
      const titles: [string, boolean][] = [
        ['𝄞'.repeat(500), true],
        ['𝄞'.repeat(501), false],
        [`${'𝄞'.repeat(499)}xx`, false],
        ['e\u0301'.repeat(250), true],
        [`${'e\u0301'.repeat(250)}x`, false],
        ['\u0301'.repeat(500), true],
        [`${FAMILY.repeat(71)}xxx`, true],
        [`${FAMILY.repeat(71)}xxxx`, false],
        [`${WHITE}${'\u{10ffff}'.repeat(500)}${WHITE}`, true],
        [`x${' '.repeat(498)}x`, true],
        [`x${' '.repeat(499)}x`, false],
        [' '.repeat(60_000), false],
        [`${' '.repeat(30_000)}x${' '.repeat(30_000)}`, true],
        [`${' '.repeat(30_000)}x${' '.repeat(499)}x`, false],
        [`x${'\u200b'.repeat(499)}`, true],
      ]
      for (const operation of WRITES) {
        for (const [text, taken] of titles) {
          const what = `${operation.method} ${[...text].length} of ${text.slice(0, 8)}`
          const answer = await send(operation, JSON.stringify({ title: text }))
          if (taken) await assertTaken(answer, { title: text.trim() }, what)
          else assertFaults(answer, [['/title', LENGTH]], what)
        }
        const escaped = (count: number) => `{"title":"${'\\u0041'.repeat(count)}"}`
        await assertTaken(
          await send(operation, escaped(500)),
          { title: 'A'.repeat(500) },
          'escapes',
        )
        for (const count of [501, 10_900]) {
          assertFaults(await send(operation, escaped(count)), [['/title', LENGTH]], 'escapes')
        }
        const notes = '𝄞'.repeat(5_400)
        const surrogates = `{"title":"x","description":"${'\\ud834\\udd1e'.repeat(5_400)}"}`
        await assertTaken(await send(operation, surrogates), { description: notes }, 'surrogates')
      }
    })

    it('every kind of white space is taken from around a title, and nothing else is', async () => {
      for (const white of WHITE) {
        const what = `U+${white.codePointAt(0)?.toString(16)}`
        for (const operation of WRITES) {
          const alone = await send(operation, JSON.stringify({ title: white.repeat(3) }))
          assertFaults(alone, [['/title', LENGTH]], what)
          const around = await send(
            operation,
            JSON.stringify({ title: `${white}a${white}b${white}` }),
          )
          await assertTaken(around, { title: `a${white}b` }, what)
        }
      }
      const all = await send(POST, JSON.stringify({ title: WHITE }))
      assertFaults(all, [['/title', LENGTH]], 'all of them')
      for (const sign of NOT_WHITE) {
        const what = `U+${sign.codePointAt(0)?.toString(16)}`
        for (const operation of WRITES) {
          await assertTaken(
            await send(operation, JSON.stringify({ title: sign })),
            { title: sign },
            what,
          )
        }
      }
    })

    it('every character comes back as it was sent, raw and escaped', async () => {
      const basic = Array.from({ length: 0xffff }, (_, n) => String.fromCharCode(n + 1))
      const planes = Array.from({ length: 13_107 }, (_, n) =>
        String.fromCodePoint(0x10000 + n * 80),
      )
      const characters = [...basic.filter((one) => one.isWellFormed()), ...planes]
      for (let at = 0; at < characters.length; at += 13_000) {
        const description = characters.slice(at, at + 13_000).join('')
        for (const operation of WRITES) {
          const answer = await send(operation, JSON.stringify({ title: 'x', description }))
          await assertTaken(answer, { description }, `from ${at}`)
        }
      }
      const escapes = characters.slice(0, 9_000)
      const escaped = escapes.map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
      for (const operation of WRITES) {
        const answer = await send(operation, `{"title":"x","description":"${escaped.join('')}"}`)
        await assertTaken(answer, { description: escapes.join('') }, 'escaped')
      }
    })

    it('400, 413 and 415 for what cannot be read, whatever it is to change', () =>
      unchangedBy(async () => {
        for (const [what, status, body, ...headers] of UNREADABLE) {
          for (const operation of OPERATIONS) {
            const answer = await send(operation, body, headers)
            assertProblem(answer, CODES[status], `${operation.method}: ${what}`)
          }
        }
      }))

    it('one body is the same however it is framed', async () => {
      for (const [what, body, ...headers] of READABLE) {
        for (const operation of WRITES) {
          const answer = await send(operation, body, headers)
          await assertTaken(answer, { title: 'x' }, `${operation.method}: ${what}`)
          assert.deepEqual(answer.interim, /100-continue/i.test(headers.join()) ? [100] : [], what)
        }
      }
      const unsigned = ['Expect: 100-continue', JSON_TYPE]
      const request = { method: 'POST', target: '/api/alice/tasks', headers: unsigned, body: '{' }
      assertProblem(await sendRaw(test.port, request), 'unauthorized')
    })

    it('no body is none, with a JSON type or without, with a length of 0, or no chunk', async () => {
      const none: [string | undefined, ...string[]][] = [
        [undefined],
        [undefined, JSON_TYPE],
        ['', 'Content-Length: 0'],
        ['', 'Content-Length: 0', JSON_TYPE],
        ['0\r\n\r\n', CHUNKED, JSON_TYPE],
      ]
      for (const operation of OPERATIONS) {
        for (const [body, ...headers] of none) {
          const what = `${operation.method} ${headers.join()}`
          const answer = await send(operation, body, headers)
          if (operation === PATCH) await assertTaken(answer, {}, what)
          else assertFaults(answer, [['', 'must be a JSON object']], what)
        }
        const typed = await send(operation, '', ['Content-Type: text/plain', 'Content-Length: 0'])
        assertProblem(typed, 'unsupported_media_type', operation.method)
      }
    })

    it('a body of GET and HEAD is left aside; one of DELETE is read, and asks for nothing', async () => {
      const bodies: [string | Buffer, ...string[]][] = [
        ['{"title":"taken"}', JSON_TYPE],
        ['{', JSON_TYPE],
        ['x', 'Content-Type: text/plain'],
        ['x'.repeat(70_000), JSON_TYPE],
        [chunked('{"title":"taken"}', 3), JSON_TYPE, CHUNKED],
      ]
      await unchangedBy(async () => {
        const plain = await send({ method: 'GET', at: '/:id' }, undefined, [])
        for (const [body, ...headers] of bodies) {
          for (const method of ['GET', 'HEAD']) {
            for (const at of ['/:id', '?limit=1']) {
              const answer = await send({ method, at }, body, headers)
              assert.equal(answer.status, 200, `${method} ${at}`)
              if (at === '/:id') assert.equal(answer.text, method === 'GET' ? plain.text : '')
            }
          }
          assert.equal((await send({ method: 'OPTIONS', at: '/:id' }, body, headers)).status, 204)
        }
        for (const [body, status, ...headers] of [
          ['{', 400, JSON_TYPE],
          ['x', 415, 'Content-Type: text/plain'],
          [padded(BODY_LIMIT + 1), 413, JSON_TYPE],
        ] as const) {
          const answer = await send({ method: 'DELETE', at: '/:id' }, body, headers)
          assertProblem(answer, CODES[status], 'DELETE')
        }
      })
      for (const [body, ...headers] of [['{"title":"x"}', JSON_TYPE], ['null', JSON_TYPE], ['']]) {
        const made = await send(POST, '{"title":"to go"}')
        const gone = await send({ method: 'DELETE', at: `/${made.json.id}` }, body, headers)
        assert.equal(gone.status, 204)
      }
    })

    it('any JSON is taken exactly where it keeps to the rules', async () => {
      const text = fc.string({ unit: 'binary', maxLength: 12 })
      const anything = fc.oneof(
        text,
        fc.boolean(),
        fc.constant(null),
        fc.jsonValue({ maxDepth: 2 }),
      )
      const members = fc.record(
        {
          title: fc.oneof(text, anything),
          description: anything,
          completed: anything,
          x: anything,
        },
        { requiredKeys: [] },
      )
      const near = fc.record(
        { title: text, description: fc.option(text), completed: fc.boolean() },
        { requiredKeys: [] },
      )
      const body = fc.oneof(near, near, members, anything)
      const clean = (value: unknown) =>
        typeof value !== 'string' || (value.isWellFormed() && !value.includes('\0'))
      const valid = (operation: Operation, value: unknown): boolean => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
        const entries = Object.entries(value)
        if (operation === POST && !('title' in value)) return false
        if (operation === PUT && entries.length === 0) return false
        return entries.every(([name, one]) => {
          const member = operation.members.find((known) => known === name)
          return member !== undefined && faultOf(member, one) === undefined && clean(one)
        })
      }
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...OPERATIONS), body, async (operation, value) => {
          const sent = JSON.parse(JSON.stringify(value))
          const answer = await send(operation, JSON.stringify(value))
          if (!valid(operation, sent)) return assertProblem(answer, 'validation_error')
          const trimmed = { ...sent, ...('title' in sent && { title: sent.title.trim() }) }
          await assertTaken(answer, trimmed, operation.method)
        }),
        { numRuns: 100 },
      )
    })
  })
}
