import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { isView, TAG_PREFIX, VIEW_PATHS } from '../../../web/src/views.ts'
import { openPage, readPage } from '../../src/api/web/page.ts'
import { VIEWS } from '../../src/api/web/views.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { NO_DATABASE, serve } from '../support/app.ts'
import { builtPage, HTML, SCRIPT } from '../support/built-page.ts'
import { testFolder } from '../support/databases.ts'

type Served = Awaited<ReturnType<typeof serve>>

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'
const SCRIPT_PATH = '/assets/index-Cx4f_2-a.js'
const READ = 'GET, HEAD, OPTIONS'
/** One address for each view. */
const ADDRESSES = VIEWS.map((view) => view.replace(':tag', 'caf%C3%A9%2Fbar%20%23%31'))

/** @returns the text in a body with this content coding. */
function decoded(coding: string | undefined, bytes: Buffer): string {
  if (coding === 'br') return brotliDecompressSync(bytes).toString()
  return (coding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

describe('the web page', () => {
  let test: Served
  let plain: Served
  before(async () => {
    const page = await readPage('', await builtPage())
    assert.ok(page !== undefined)
    test = await serve(NO_DATABASE, {}, { page })
    plain = await serve(NO_DATABASE)
  })
  after(async () => {
    await test.close()
    await plain.close()
  })

  const get = (path: string, headers: Record<string, string> = {}) =>
    test.send('GET', path, { as: null, headers })

  for (const accept of [
    BROWSER,
    'text/html',
    'TEXT/HTML',
    'text/html;charset=utf-8',
    'text/html;q=0.1',
    'text/html, application/json',
    'application/json;q=0.9, text/html',
    'text/html, */*',
    '*/*, text/html',
    '*/*;q=0.1, text/html;q=0.2',
    'text/*;q=0.5, text/html;q=0.7, application/json;q=0.6',
    ' text/html ;level=1; q=0.300 ',
    'text/html;q=nonsense',
    'application/json;q=0, text/html;q=0.001',
  ]) {
    it(`200 and the page at / for Accept: ${accept}`, async () => {
      const { status, headers, text } = await get('/', { accept })
      assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'])
      assert.equal(text, HTML)
      assert.match(String(headers.vary), /\bAccept, Accept-Encoding$/)
    })
  }

  for (const accept of [
    undefined,
    '',
    '*/*',
    'application/json',
    'application/*',
    'text/*',
    'text/plain, */*',
    'application/json, text/html',
    'application/json, text/html;q=0.9, */*;q=0.1',
    'text/html;q=0',
    'text/html;q=0.000, */*',
    'text/html;q=0.5, */*;q=0.8',
    'text/html;q=0.5, application/json',
    'text/htmlx',
    'text/xhtml, application/xhtml+xml',
    'text/event-stream',
    'image/avif,image/webp,*/*;q=0.8',
    ',,;;q=,',
    'text / html',
  ]) {
    it(`200 and the same JSON as without the page at / for Accept: ${accept}`, async () => {
      const headers: Record<string, string> = accept === undefined ? {} : { accept }
      const [given, expected] = [
        await get('/', headers),
        await plain.send('GET', '/', { as: null, headers }),
      ]
      assert.deepEqual([given.status, given.text], [200, expected.text])
      const { vary, ...others } = given.headers
      const known = { ...expected.headers }
      for (const name of ['date', 'x-request-id']) {
        delete others[name]
        delete known[name]
      }
      assert.equal(vary, 'Origin, Accept')
      delete known.vary
      assert.deepEqual(others, known)
    })
  }

  it('200 for each view, whatever the client accepts, and HEAD has the length', async () => {
    for (const path of [...ADDRESSES, '/index.html', '/reset-password?token=x', '/inbox?']) {
      for (const accept of [BROWSER, 'application/json', '*/*']) {
        const { status, text, headers } = await get(path, { accept })
        assert.deepEqual([status, text], [200, HTML], path)
        assert.deepEqual(headers['cache-control'], 'no-cache')
      }
      const head = await test.send('HEAD', path, { as: null })
      assert.deepEqual([head.status, head.text], [200, ''], path)
      assert.equal(head.headers['content-length'], String(HTML.length))
    }
  })

  it('404 for every other path and spelling, with the page and without it', async () => {
    for (const path of [
      ...['/inbox/', '//inbox', '/Inbox', '/inb%6Fx', '/./inbox', '/inbox/x', '/inbox.html'],
      ...[
        '/tags',
        '/tags/',
        '/tags//',
        '/tags/a/b',
        '/tags/..',
        '/tags/.',
        '/tags/a\\b',
        '/TAGS/a',
      ],
      ...['/index', '/index.html/', '/INDEX.HTML', '/index.html.br', '/index.html.gz', '/.inputs'],
      ...['/assets', '/assets/', '/assets/index.js', `${SCRIPT_PATH}.br`, '/assets/../index.html'],
      ...['/assets/..%2findex.html', '/assets/%2e%2e/sw.js', '/assets\\index-B1.css'],
      ...['/assets/index-Cx4f_2-a%2ejs', '/icons', '/icons/', '/sw.js/', '/today-', '/done'],
    ]) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const { status, json, headers } = await test.send(method, path, { as: null })
        assert.deepEqual([status, json.error, headers.allow], [404, 'not_found', undefined], path)
      }
    }
    for (const path of [...ADDRESSES, '/index.html', '/sw.js', SCRIPT_PATH]) {
      const { status, json } = await plain.send('GET', path, { as: null })
      assert.deepEqual([status, json.error], [404, 'not_found'], path)
    }
    assert.equal((await get('/tags/%zz')).status, 400)
    assert.equal((await get('/inbox#x')).status, 400)
  })

  it('404 for all of them with WEB=off, but for a service worker that removes the page', async () => {
    const off = await serve(NO_DATABASE, { WEB: 'off' })
    for (const path of [...ADDRESSES, '/index.html', SCRIPT_PATH]) {
      assert.equal((await off.send('GET', path, { as: null })).status, 404, path)
    }
    const { status, headers, text } = await off.send('GET', '/sw.js', { as: null })
    assert.deepEqual(
      [status, headers['content-type'], headers['cache-control']],
      [200, 'text/javascript; charset=utf-8', 'no-cache'],
    )
    assert.match(text, /unregister\(\)/)
    await off.close()
  })

  it('405 with Allow for other methods, and OPTIONS lists them', async () => {
    for (const path of [...ADDRESSES, '/', '/sw.js', SCRIPT_PATH, '/manifest.webmanifest']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PROPFIND']) {
        const { status, headers, json } = await test.send(method, path, { as: null })
        assert.deepEqual([status, json.error], [405, 'method_not_allowed'], `${method} ${path}`)
        assert.equal(headers.allow, READ)
      }
      const options = await test.send('OPTIONS', path, { as: null })
      assert.deepEqual([options.status, options.headers.allow], [204, READ], path)
    }
  })

  it('each file has its type, its time in caches, a policy and an entity tag', async () => {
    for (const [path, type, cacheControl] of [
      ['/index.html', 'text/html; charset=utf-8', 'no-cache'],
      ['/sw.js', 'text/javascript; charset=utf-8', 'no-cache'],
      ['/manifest.webmanifest', 'application/manifest+json; charset=utf-8', 'no-cache'],
      ['/icons/icon.svg', 'image/svg+xml', 'no-cache'],
      ['/icons/icon-192.png', 'image/png', 'no-cache'],
      [SCRIPT_PATH, 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
      ['/assets/index-B1.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ] as const) {
      const { status, headers } = await get(path)
      assert.deepEqual([status, headers['content-type']], [200, type], path)
      assert.equal(headers['cache-control'], cacheControl, path)
      assert.equal(headers['content-encoding'], undefined, path)
      assert.equal(headers.vary?.endsWith('Accept-Encoding'), true, path)
      assert.match(String(headers.etag), /^"[\w-]{22}"$/)
      assert.deepEqual(
        [headers['x-content-type-options'], headers['referrer-policy']],
        ['nosniff', 'same-origin'],
      )
      assert.ok(headers['x-request-id'])
      assert.equal(
        headers['content-security-policy'],
        "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='; img-src 'self' data:; " +
          "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'self'; " +
          "form-action 'self'; frame-ancestors 'none'",
      )
    }
  })

  for (const [accepted, coding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0.5, gzip', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['BR', 'br'],
    ['*', 'br'],
    ['br;q=0.001', 'br'],
    ['identity, br', 'br'],
    ['identity, br;q=0.5', undefined],
    ['br;q=0, gzip;q=0', undefined],
    ['*;q=0', undefined],
    ['brotli, x-gzip, deflate', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    it(`Accept-Encoding ${accepted} gets ${coding ?? 'the plain bytes'}`, async () => {
      const headers: Record<string, string> =
        accepted === undefined ? {} : { 'accept-encoding': accepted }
      const { headers: given, bytes } = await get(SCRIPT_PATH, headers)
      assert.equal(given['content-encoding'], coding)
      assert.equal(given['content-length'], String(bytes.length))
      assert.equal(decoded(coding, bytes), SCRIPT)
    })
  }

  it('a file without compressed forms is sent as it is', async () => {
    const { headers, bytes } = await get('/icons/icon-192.png', {
      'accept-encoding': 'br, gzip',
    })
    assert.deepEqual([headers['content-encoding'], bytes.toString()], [undefined, 'a picture'])
  })

  it('304 for the entity tag of this coding, as strong, weak, in a list and as *', async () => {
    for (const path of ['/', '/inbox', '/sw.js', SCRIPT_PATH]) {
      const tags = new Set<string>()
      for (const accepted of ['br', 'gzip', 'identity']) {
        const headers = { accept: 'text/html', 'accept-encoding': accepted }
        const { etag = '' } = (await get(path, headers)).headers
        tags.add(etag)
        for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
          const {
            status,
            text,
            headers: given,
          } = await get(path, {
            ...headers,
            'if-none-match': tag,
          })
          assert.deepEqual([status, text, given.etag], [304, '', etag], `${path} ${tag}`)
          assert.ok(given['cache-control'] !== 'no-store' && given.vary, path)
          assert.equal(given['content-encoding'], undefined)
        }
        const others = { ...headers, 'if-none-match': '"another"' }
        assert.equal((await get(path, others)).status, 200)
      }
      assert.equal(tags.size, 3, path)
    }
  })

  it('names the origin in Vary beside its own, where the plugin for CORS does', async () => {
    const { headers } = await get('/', { accept: BROWSER, origin: 'http://localhost:5173' })
    assert.equal(headers.vary, 'Origin, Accept, Accept-Encoding')
  })

  it('the log has the path of a view without its query, which may contain a secret', async () => {
    await get('/reset-password?token=a-secret-of-a-mail')
    await test.lineOf('"url":"/reset-password?…"')
    assert.ok(!test.log.some((line) => line.includes('a-secret-of-a-mail')))
  })

  it('the log has no tag of a person', async () => {
    await get('/tags/a-secret-tag')
    await test.lineOf('"url":"/tags/:tag"')
    assert.ok(!test.log.some((line) => line.includes('a-secret-tag')))
  })

  it('the lists of views of the server and of the page are the same', () => {
    assert.deepEqual(
      [...VIEW_PATHS.map((path) => `/${path}`), `/${TAG_PREFIX}:tag`].sort(),
      [...VIEWS].sort(),
    )
    assert.ok(['', ...ADDRESSES.map((path) => path.slice(1))].every(isView))
    for (const path of ['docs', 'index.html', 'tags', 'tags/', 'tags/a/b', 'inbox/', 'api/me']) {
      assert.ok(!isView(path), path)
    }
  })
})

describe('the web page below a base path', () => {
  it('has it in its base element, in every coding, and nowhere else', async () => {
    const page = await readPage('/a/todo', await builtPage())
    const test = await serve(NO_DATABASE, { BASE_PATH: '/a/todo' }, { page })
    const expected = HTML.replace('href="/"', 'href="/a/todo/"')
    for (const path of ['/a/todo', '/a/todo/', '/a/todo/inbox', '/a/todo/index.html']) {
      for (const accepted of ['br', 'gzip', 'identity']) {
        const headers = { accept: BROWSER, 'accept-encoding': accepted }
        const { bytes, status } = await test.send('GET', path, { as: null, headers })
        const text = decoded(accepted, bytes)
        assert.deepEqual([status, text], [200, expected], `${path} ${accepted}`)
      }
    }
    const script = await test.send('GET', `/a/todo${SCRIPT_PATH}`, { as: null })
    assert.deepEqual([script.status, script.text], [200, SCRIPT])
    for (const path of ['/', '/inbox', '/index.html', SCRIPT_PATH, '/a/inbox', '/todo/inbox']) {
      const { status } = await test.send('GET', path, { as: null, headers: { accept: BROWSER } })
      assert.equal(status, 404, path)
    }
    await test.close()
  })
})

describe('a page that is not built', () => {
  it('is undefined for a missing folder, an empty one, and one without index.html', async () => {
    const folder = await testFolder()
    assert.equal(await readPage('', join(folder, 'none')), undefined)
    assert.equal(await readPage('', folder), undefined)
    const built = await builtPage()
    await rm(join(built, 'index.html'))
    assert.equal(await readPage('/todo', built), undefined)
  })

  it('is undefined where it cannot be read, and the log says why', async () => {
    const file = join(await builtPage(), 'sw.js')
    const log: string[] = []
    const logger = pino(loggerOptions('info'), { write: (line: string) => log.push(line) })
    assert.equal(await openPage('', logger, file), undefined)
    assert.match(log.join(), /ENOTDIR.*the web page could not be read/)
  })
})
