import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NO_DATABASE, serve } from './support/app.ts'
import { hostileTexts, literalsOf, madeDuring, slowestDuring, takesMs } from './support/patterns.ts'
import { requestBytes, sendBytes } from './support/raw-request.ts'

const SOURCE = fileURLToPath(new URL('../src', import.meta.url))
/** Up to as long as a header can be; what takes time without end does so for the shortest. */
const LENGTHS = [26, 1_024, 16_384]
const MOST_MS = 5

/** The first text that takes too long, shortened. */
function slowTextFor(pattern: RegExp): string | undefined {
  for (const length of LENGTHS) {
    for (const text of hostileTexts(pattern, length)) {
      const tookMs = takesMs(pattern, text, MOST_MS)
      if (tookMs < MOST_MS) continue
      return `${pattern} takes ${tookMs} ms on ${JSON.stringify(text.slice(0, 80))}…`
    }
  }
  return undefined
}

describe('regular expressions', () => {
  it('are found in a source, and divisions, texts and comments are not taken for them', () => {
    const text = [
      'const a = /x[/]y/g // not /this/',
      "const b = 1 / 2 / 3, c = '/no/' /* /no/ */",
      'return /^a\\/b$/i.test(`/no/$' + "{d.replace(/é/u, '')}/no/`)",
    ].join('\n')
    assert.deepEqual(literalsOf(text).map(String), ['/x[/]y/g', '/^a\\/b$/i', '/é/u'])
  })

  for (const slow of [
    /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i,
    /^(a+)+$/,
    /,+$/,
    /^\s*x\s*\s*y$/,
  ]) {
    it(`that backtrack are noticed: ${slow}`, () => {
      assert.ok(slowTextFor(slow) !== undefined)
    })
  }

  it('of the server all take under 5 ms for 16 kB of their own characters', async () => {
    // What is typed in at the machine of the server is in commands/.
    const paths = globSync('**/*.ts', { cwd: SOURCE }).filter((path) => !/^commands/.test(path))
    const written = paths.flatMap((path) => literalsOf(readFileSync(resolve(SOURCE, path), 'utf8')))
    assert.ok(written.length > 20, `${written.length} are written`)
    const made = await madeDuring(async () => {
      const { app } = await serve(NO_DATABASE, { TRUSTED_ORIGINS: 'https://app.example.com' })
      await app.close()
    })
    // Those of paths and of schemas: each has a beginning and an end.
    const whole = made.filter(({ source }) => source.startsWith('^') && source.endsWith('$'))
    assert.ok(whole.length > 20, `${whole.length} are made`)
    const all = new Map([...written, ...made].map((pattern) => [`${pattern}`, pattern]))
    assert.deepEqual(
      [...all.values()].flatMap((pattern) => slowTextFor(pattern) ?? []),
      [],
    )
  })

  it('of the packages underneath neither, whatever a header, a query or a path is full of', async () => {
    const settings = { TRUSTED_ORIGINS: 'https://app.example.com', TRUST_PROXY: 'loopback' }
    const { app, port, token } = await serve(NO_DATABASE, settings)
    const bearer = `Authorization: Bearer ${await token('alice')}`
    const body = { body: '{}', headers: [bearer, 'Content-Type: application/json'] }
    const one = '/api/alice/tasks/019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
    const headers: Record<string, string[]> = {
      'Content-Type': ['', 'application/json', 'application/json;charset=utf-8', 'a/b;c="'],
      ...{ Accept: ['', 'text/html,'], 'If-Match': ['', '"'], 'If-None-Match': ['', 'W/"'] },
      ...{ Authorization: ['', 'Bearer ', 'Bearer a.'], Cookie: ['', 'a=', 'a="', 'a=b;'] },
      ...{
        'Idempotency-Key': ['', '"'],
        'X-Forwarded-For': ['', '1.2.3.4,'],
        'X-Request-Id': [''],
      },
      ...{ 'X-Forwarded-Proto': [''], 'X-Forwarded-Host': ['a:'], Origin: ['', 'https://'] },
      ...{ Host: ['', 'a:'], 'Content-Encoding': ['', 'gzip,'], Prefer: ['', 'a='] },
      ...{
        'Transfer-Encoding': ['', 'chunked,'],
        Connection: ['', 'close,'],
        Expect: ['', '100-'],
      },
    }
    const fill = [
      ' ',
      '\t',
      'a',
      '0',
      ',',
      ';',
      '=',
      '"',
      '\\',
      '/',
      '.',
      '-',
      ':',
      '%',
      '"\\',
      ';=',
      ', ',
    ]
    const requests = fill.flatMap((text) => {
      const long = text.repeat(15_000 / text.length)
      const inHeaders = Object.entries(headers).flatMap(([name, beginnings]) =>
        beginnings.flatMap((beginning) => {
          const hostile = [
            ...body.headers,
            `${name}: ${beginning}${long}\x7f`,
            `${name}: ${beginning}${long}x`,
          ]
          return hostile.slice(2).map((line) => {
            const lines = body.headers.filter((kept) => !kept.startsWith(`${name}:`))
            return {
              method: 'POST',
              target: '/api/alice/tasks',
              body: body.body,
              headers: [...lines, line],
            }
          })
        }),
      )
      const plain = encodeURI(text).repeat(5_000 / encodeURI(text).length)
      const targets = [
        `/${plain}`,
        `/api/${plain}/tasks`,
        `/livez?${plain}`,
        `${one}?a=${plain}`,
        `/docs/static/${plain}`,
        `http://${plain}`,
        `/api/auth/verify-email?token=${plain}`,
      ]
      return [...inHeaders, ...targets.map((target) => ({ target, headers: [bearer] }))]
    })
    assert.ok(requests.length > 1_000)
    for (const request of requests) {
      const bytes = requestBytes(request)
      let slowest = { tookMs: Number.POSITIVE_INFINITY, pattern: '' }
      for (let tries = 0; tries < 5 && slowest.tookMs >= MOST_MS; tries += 1) {
        slowest = await slowestDuring(() => sendBytes(port, bytes))
      }
      assert.ok(
        slowest.tookMs < MOST_MS,
        `${slowest.pattern}: ${slowest.tookMs} ms in ${bytes.toString('latin1').slice(0, 300)}`,
      )
    }
    await app.close()
  })
})
