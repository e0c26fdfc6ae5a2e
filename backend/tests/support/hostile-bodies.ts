/** What tests/api/hostile-bodies.test.ts sends, and what it expects for each. */
import assert from 'node:assert/strict'
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { assertProblem } from './problem.ts'
import { type RawAnswer, sendRaw, WORK_LIMIT_MS } from './raw-request.ts'

export const BODY_LIMIT = 65_536
export const JSON_TYPE = 'Content-Type: application/json'
export const LENGTH = 'must be 1 to 500 characters'
export const UNICODE = 'must be well-formed Unicode without U+0000'
export const UNKNOWN = 'is unknown'

/** Every JSON type, and what a reader may take for another one, as text: so 1e400 and -0 are sent. */
export const VALUES = [
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
export type Faults = [path: string, message: string][]

/** What is wrong with the value of a member; undefined where it is taken. */
export function faultOf(member: Member, value: unknown): string | undefined {
  if (member === 'completed')
    return typeof value === 'boolean' ? undefined : 'must be true or false'
  if (member === 'description') {
    return value === null || typeof value === 'string' ? undefined : 'must be a string or null'
  }
  if (typeof value !== 'string') return 'must be a string'
  return value.trim() === '' ? LENGTH : undefined
}

/** An operation that takes a body, and the members around the one that is tried. */
export interface Operation {
  readonly method: string
  readonly at: string
  readonly members: readonly Member[]
  readonly beside: string
}
const MEMBERS = ['title', 'description', 'completed'] as const
export const POST: Operation = {
  method: 'POST',
  at: '',
  members: MEMBERS,
  beside: '"title":"beside"',
}
export const PUT: Operation = {
  method: 'PUT',
  at: '/:id',
  members: MEMBERS,
  beside: '"title":"beside"',
}
export const PATCH: Operation = {
  method: 'PATCH',
  at: '/:id/complete',
  members: ['completed'],
  beside: '"completed":true',
}
export const OPERATIONS = [POST, PUT, PATCH]
export const WRITES = [POST, PUT]

/** A body in which one member has this value, and nothing is missing. */
export function bodyWith({ method, beside }: Operation, member: Member, value: string): string {
  return `{${method === 'POST' && member !== 'title' ? `${beside},` : ''}"${member}":${value}}`
}

const levels = (open: string, close: string, inside = '') =>
  open.repeat(5_000) + inside + close.repeat(5_000)
export const ARRAYS = levels('[', ']')
export const OBJECTS = levels('{"a":', '}', '1')

/** ECMAScript's white space and line ends, and what looks empty and is not among them. */
export const WHITE =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'
export const NOT_WHITE =
  '\u0085\u00ad\u180e\u200b\u200c\u200d\u200e\u2060\u2063\u2800\u3164\u{e0020}\u001c\u001f\u0008\u007f\u034f'
export const FAMILY = '👩‍👩‍👧‍👦'

/** JSON of exactly so many bytes. */
export const padded = (bytes: number) => `{"title":"x"}`.padEnd(bytes)

export function chunked(
  body: string | Buffer,
  size: number,
  extension = '',
  trailers = '',
): Buffer {
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
export const CHUNKED = 'Transfer-Encoding: chunked'
const title = (bytes: number[]) =>
  Buffer.concat([Buffer.from('{"title":"a'), Buffer.from(bytes), Buffer.from('b"}')])

/** Bodies that are refused before anything is asked of their members. */
export const UNREADABLE: [
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
    'an unknown escape|{"title":"\\x41"}',
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
  ['an unknown encoding', 415, '{"title":"x"}', JSON_TYPE, 'Content-Encoding: utf-8'],
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
export const CODES = {
  400: 'bad_request',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
} as const

/** Ways to send one and the same body that are all taken. */
export const READABLE: [what: string, body: string | Buffer, ...headers: string[]][] = [
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

/** Sends bodies to the tasks of alice, one of which has the id. */
export function sendingTo(app: () => { port: number; token: string; id: string }) {
  async function send(
    { method, at }: Pick<Operation, 'method' | 'at'>,
    body: string | Buffer | undefined,
    headers: readonly string[] = [JSON_TYPE],
  ): Promise<RawAnswer> {
    const { port, token, id } = app()
    const answer = await sendRaw(port, {
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
  return { send, assertTaken }
}

export function assertFaults(answer: RawAnswer, faults: Faults, what: string): void {
  assertProblem(answer, 'validation_error', what)
  const expected = faults.map(([path, message]) => ({ in: 'body', path, message }))
  const order = (all: object[]) => all.map((fault) => JSON.stringify(fault)).sort()
  assert.deepEqual(order(answer.json.errors), order(expected), what)
}
