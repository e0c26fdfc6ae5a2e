import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page, Route } from 'playwright-core'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { testFolder } from '../../backend/tests/support/databases.ts'
import { runProgram } from '../../backend/tests/support/process.ts'
import { claims, forge, HS256, now } from '../../backend/tests/support/tokens.ts'
import { openBrowser, openPermissiveProfile } from './chromium.ts'
import { Coverage } from './coverage.ts'
import {
  type Certificate,
  type Files,
  type Forward,
  selfSigned,
  serveByVite,
  serveSite,
} from './site.ts'
import { PACKAGES, readSnippets, type Snippet, toJavaScript } from './snippets.ts'

const ROOT = new URL('../../', import.meta.url)
const TSC = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT))
/** The address of the server in the document. */
const SERVER = 'http://127.0.0.1:8000'
const CONFIGURATIONS = ['vite.config.ts', 'next.config.ts']

const snippets = readSnippets(new URL('docs/client.md', ROOT))
const named = (name: string) => snippets.filter((snippet) => snippet.name === name)
const [cookieAccount, bearerAccount] = named('account.ts')
assert.ok(cookieAccount && bearerAccount)
const shared = snippets.filter(
  ({ name }) => name !== 'account.ts' && !CONFIGURATIONS.includes(name),
)
/** The client of the document, with each way to keep a session. */
const CLIENTS = { cookie: [cookieAccount, ...shared], bearer: [bearerAccount, ...shared] }
type Client = keyof typeof CLIENTS

/** The modules of both clients, for a server at this address. */
function modules(server: string): Files {
  const page = readFileSync(new URL('page.js', import.meta.url), 'utf8')
  const files: Record<string, string> = {}
  for (const [client, parts] of Object.entries(CLIENTS)) {
    files[`/${client}/page.js`] = page
    for (const part of parts) {
      files[`/${client}/${part.name}`] = toJavaScript(part).replace(SERVER, server)
    }
  }
  return files
}

/** The two variants of account.ts count each for itself. */
const coverageKey = ({ pathname }: URL) =>
  /^\/\w+\/(account\.ts)$/.test(pathname) ? pathname : /\/(\w+\.ts)$/.exec(pathname)?.[1]

describe('the client guide', () => {
  const coverage = new Coverage()
  let browser: Browser
  let app: TestApp
  let api: string
  /** The port of a front end whose modules ask `api`. */
  let site: number
  let people = 0
  const person = () => {
    people += 1
    return `ann-${people}@example.com`
  }

  before(async () => {
    browser = await openBrowser()
    app = await startApp('pglite', { ACCOUNT_LIMITS: 'off', RATE_LIMIT_PER_MINUTE: '600' })
    api = `http://127.0.0.1:${app.port}`
    site = await serveSite(modules(api))
  })
  after(async () => {
    await browser.close()
    await app.close()
  })

  interface Opened {
    readonly page: Page
    /** Calls a function of page.js. */
    // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a value by asserting it
    call(name: string, ...values: unknown[]): Promise<any>
    /** The same, while the clock of the page runs on until it is over. */
    // biome-ignore lint/suspicious/noExplicitAny: as above
    callInTime(name: string, ...values: unknown[]): Promise<any>
  }

  type Work = (opened: Opened) => Promise<void>

  /** Opens a page with a client in a private window, and closes it. */
  const onPage = async (origin: string, client: Client, work: Work) =>
    onPageOf(await browser.newContext({ ignoreHTTPSErrors: true }), origin, client, work)

  async function onPageOf(context: BrowserContext, origin: string, client: Client, work: Work) {
    const page = await context.newPage()
    await page.clock.install()
    await page.coverage.startJSCoverage()
    await page.goto(`${origin}/`)
    await page.evaluate(`import('/${client}/page.js').then((all) => { globalThis.client = all })`)
    const call: Opened['call'] = (name, ...values) =>
      page.evaluate(`client.${name}(...${JSON.stringify(values)})`)
    const callInTime: Opened['call'] = async (name, ...values) => {
      let isOver = false
      const called = call(name, ...values).finally(() => {
        isOver = true
      })
      called.catch(() => {}) // is awaited below
      while (!isOver) await page.clock.runFor(2_000)
      return called
    }
    await work({ page, call, callInTime })
    coverage.add(await page.coverage.stopJSCoverage(), coverageKey)
    await context.close()
  }

  /** A page of another site, with a person who is signed in. */
  const signedIn = (work: (opened: Opened & { userId: string }) => Promise<void>) =>
    onPage(`http://localhost:${site}`, 'bearer', async (opened) => {
      const { user } = await opened.call('signUpOnly', person())
      await work({ ...opened, userId: user.id })
    })

  async function assertWorks({ call }: Opened) {
    const { before, signedUp, signedOut, noToken, wrong, signedIn } = await call(
      'signInAndOut',
      person(),
    )
    assert.deepEqual([before, signedUp.name, signedOut], [null, 'Ann', null])
    assert.equal(signedIn.id, signedUp.id)
    assert.equal(noToken.status, 401)
    assert.deepEqual([wrong.status, wrong.code], [401, 'INVALID_EMAIL_OR_PASSWORD'])
    assert.match(wrong.requestId, /^[\w-]+$/)
    const { pages, completed, open, rest, read } = await call('writeAndRead')
    const titles = ['five', 'four', 'three', 'two', 'one']
    assert.deepEqual(pages, titles)
    assert.equal(completed, true)
    assert.deepEqual([open, rest], [titles.slice(1), titles.slice(1)])
    assert.match(read.Link, /^<\/api\/me\/tasks\?.*>; rel="next"$/)
    for (const [name, value] of Object.entries(read)) assert.ok(value, name)
  }

  it('has modules that compile under strict', async () => {
    const folder = await testFolder()
    const flags = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax']
    const modern = ['--target', 'es2024', '--module', 'esnext', '--moduleResolution', 'bundler']
    const types = ['--lib', 'es2024,dom,dom.iterable', '--types', '', '--erasableSyntaxOnly']
    const options = [...flags, ...modern, ...types, '--allowImportingTsExtensions']
    const files: string[] = []
    const write = (below: string, { name, source }: Snippet) => {
      mkdirSync(join(folder, below), { recursive: true })
      files.push(join(folder, below, name))
      writeFileSync(join(folder, below, name), source)
    }
    for (const [client, parts] of Object.entries(CLIENTS)) {
      for (const part of parts) write(client, part)
    }
    for (const part of CONFIGURATIONS.flatMap(named)) write('configuration', part)
    write('configuration', { name: 'packages.d.ts', source: PACKAGES })
    await runProgram(process.execPath, [TSC, ...options, ...files], {
      cwd: folder,
      env: process.env,
    }).catch(({ stdout }) => assert.fail(String(stdout)))
  })

  it('signs in with a bearer token from another site', () =>
    onPage(`http://localhost:${site}`, 'bearer', async (opened) => {
      await assertWorks(opened)
      assert.deepEqual(await opened.page.context().cookies(), [])
    }))

  it('signs in with a cookie from another origin of the same site', () =>
    onPage(`http://127.0.0.1:${site}`, 'cookie', async (opened) => {
      await assertWorks(opened)
      const [cookie] = await opened.page.context().cookies()
      assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Lax'])
    }))

  it('has the members of today’s tasks, ids of the client’s making, and next occurrences', () =>
    signedIn(async ({ call }) => {
      const { first, again, part, edited, next } = await call('writeRichTask')
      assert.deepEqual(again, first)
      assert.equal(part.parent_id, first.id)
      assert.deepEqual([edited.priority, edited.recurrence], ['high', first.recurrence])
      assert.equal(next.series_id, first.series_id)
      assert.ok(next.due_date > first.due_date)
      const [tasks] = named('tasks.ts')
      const [, members = ''] = /interface Task \{(.*?)\n\}/s.exec(tasks?.source ?? '') ?? []
      assert.deepEqual(
        [...members.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name),
        Object.keys(first),
      )
    }))

  it('401 for a page of another site, whose Lax cookie the browser does not send', () =>
    onPage(`http://localhost:${site}`, 'cookie', async ({ call }) => {
      const { user, token } = await call('signUpOnly', person())
      assert.deepEqual([user, token.status], [null, 401])
    }))

  describe('on https in production', () => {
    let secured: TestApp
    let certificate: Certificate
    let trusted: number
    let untrusted: number
    before(async () => {
      certificate = await selfSigned()
      let target: TestApp | undefined
      const forward = (path: string) => new URL(path, `http://127.0.0.1:${target?.port}`)
      const proxied = `https://127.0.0.1:${await serveSite({}, forward, certificate)}`
      trusted = await serveSite(modules(proxied), undefined, certificate)
      untrusted = await serveSite(modules(proxied), undefined, certificate)
      secured = await startApp('pglite', {
        NODE_ENV: 'production',
        BETTER_AUTH_URL: proxied,
        TRUSTED_ORIGINS: `https://localhost:${trusted}`,
        COOKIE_SAME_SITE: 'none',
        RATE_LIMIT_PER_MINUTE: '1',
      })
      target = secured
    })
    after(() => secured.close())

    it('signs in from another site with COOKIE_SAME_SITE=none, and waits as 429 says', async () => {
      const context = await openPermissiveProfile(await testFolder())
      const origin = `https://localhost:${trusted}`
      await onPageOf(context, origin, 'cookie', async ({ page, call, callInTime }) => {
        const { user, token } = await call('signUpOnly', person())
        assert.deepEqual([user.name, token], ['Ann', null])
        assert.deepEqual(await call('titlesOf'), [])
        const startedMs = Number(await page.evaluate('Date.now()'))
        const { status, code } = await callInTime('failToRead')
        assert.deepEqual([status, code], [429, 'too_many_requests'])
        // The window of the limit lasts a minute of real time, which hardly passes: it waits four times.
        const waitedMs = Number(await page.evaluate('Date.now()')) - startedMs
        assert.ok(waitedMs > 60_000, `${waitedMs}`)
      })
    })

    it('401 in a private window of Chromium, which blocks cookies of other sites', () =>
      onPage(`https://localhost:${trusted}`, 'cookie', async ({ call }) => {
        const { user, token } = await call('signUpOnly', person())
        assert.deepEqual([user, token.status], [null, 401])
      }))

    it('keeps responses from a page that TRUSTED_ORIGINS does not name', () =>
      onPage(`https://localhost:${untrusted}`, 'cookie', async ({ call }) => {
        assert.deepEqual(await call('userOrFailure'), { name: 'TypeError' })
      }))
  })

  describe('on faults', () => {
    const isTasks = (url: URL) => url.port === String(app.port) && url.pathname.includes('/tasks')
    const headers = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' }

    it('renews a token once for requests at the same time, before it expires', () =>
      signedIn(async ({ page, call }) => {
        let renewals = 0
        page.on('request', (request) => {
          if (request.url().endsWith('/api/auth/token') && request.method() === 'GET') renewals += 1
        })
        await call('forget')
        await call('readFiveTimes')
        assert.equal(renewals, 1)
        await page.clock.fastForward('13:00')
        await call('readFiveTimes')
        assert.equal(renewals, 1)
        await page.clock.fastForward('02:00')
        await call('readFiveTimes')
        assert.equal(renewals, 2)
      }))

    it('renews a token that the server has refused, once for requests at the same time', () =>
      signedIn(async ({ page, call, userId }) => {
        let renewals = 0
        const refused: number[] = []
        page.on('response', (response) => {
          if (isTasks(new URL(response.url()))) refused.push(response.status())
        })
        await call('forget')
        await page.route(`${api}/api/auth/token`, async (route) => {
          renewals += 1
          const response = await route.fetch()
          const json = await response.json()
          const token =
            renewals === 1 ? forge(HS256, claims({ sub: userId, exp: now() - 300 })) : json.token
          await route.fulfill({ response, json: { ...json, token } })
        })
        assert.equal((await call('readFiveTimes')).length, 5)
        assert.deepEqual([renewals, refused.filter((status) => status === 401).length], [2, 5])
      }))

    it('creates one task when the first response is lost', () =>
      signedIn(async ({ page, callInTime, call }) => {
        const keys: (string | undefined)[] = []
        const replayed: (string | null)[] = []
        page.on('response', async (response) => {
          if (response.request().method() !== 'POST') return
          replayed.push(await response.headerValue('idempotency-replayed'))
        })
        await page.route(isTasks, async (route) => {
          if (route.request().method() !== 'POST') return route.continue()
          keys.push(route.request().headers()['idempotency-key'])
          if (keys.length > 1) return route.continue()
          await route.fetch()
          return route.abort()
        })
        const { title } = await callInTime('create', 'once')
        assert.deepEqual([title, await call('titlesOf')], ['once', ['once']])
        assert.equal(keys.length, 2)
        assert.equal(keys[0], keys[1])
        assert.deepEqual(replayed, ['true'])
      }))

    it('flips a task once when the first response is lost', () =>
      signedIn(async ({ page, callInTime, call }) => {
        const { id } = await call('create', 'flipped')
        let lost = 0
        await page.route(isTasks, async (route) => {
          if (route.request().method() !== 'PATCH' || lost > 0) return route.continue()
          lost += 1
          await route.fetch()
          return route.abort()
        })
        assert.equal((await callInTime('toggle', id)).completed, true)
        assert.equal(lost, 1)
      }))

    it('waits as long as Retry-After says, and then succeeds', () =>
      signedIn(async ({ page, callInTime }) => {
        const times: number[] = []
        await page.route(isTasks, async (route) => {
          times.push(Number(await page.evaluate('Date.now()')))
          if (times.length > 1) return route.continue()
          return route.fulfill({ status: 503, headers: { ...headers, 'retry-after': '7' } })
        })
        assert.deepEqual(await callInTime('titlesOf'), [])
        const [first = 0, second = 0] = times
        assert.ok(second - first >= 7_000)
      }))

    it('gives up after five attempts, with and without a response', () =>
      signedIn(async ({ page, callInTime }) => {
        let attempts = 0
        const always = async (work: (route: Route) => Promise<void>) => {
          attempts = 0
          await page.unroute(isTasks)
          await page.route(isTasks, (route) => {
            attempts += 1
            return work(route)
          })
        }
        await always((route) =>
          route.fulfill({ status: 502, headers, contentType: 'text/html', body: '<h1>' }),
        )
        const { status, code, message } = await callInTime('failToRead')
        assert.deepEqual([status, code], [502, 'unknown'])
        assert.match(message, /502/)
        assert.equal(attempts, 5)
        assert.equal((await callInTime('failToDelete', 'x')).status, 502)
        assert.equal((await callInTime('failToSubmit', 'x')).status, 502)
        await always((route) => route.abort())
        assert.deepEqual(await callInTime('failToRead'), { name: 'TypeError' })
        assert.equal(attempts, 5)
      }))

    it('412 for a task that has changed: reads it again, and repeats the edit', () =>
      signedIn(async ({ page, call, userId }) => {
        const { id } = await call('create', 'first')
        const statuses: number[] = []
        page.on('response', (response) => {
          if (response.request().method() === 'PATCH') statuses.push(response.status())
        })
        await page.route(isTasks, async (route) => {
          if (route.request().method() === 'PATCH' && statuses.length === 0) {
            const body = { title: 'second' }
            await app.send('PATCH', `/api/${userId}/tasks/${id}`, { body })
          }
          return route.continue()
        })
        const { title, completed } = await call('edit', id)
        assert.deepEqual([title, completed], ['second by the page', true])
        assert.deepEqual(statuses, [412, 200])
        assert.equal((await call('failToEdit', id)).code, 'validation_error')
      }))

    it('422 goes to the field of the form', () =>
      signedIn(async ({ call }) => {
        assert.deepEqual(Object.keys(await call('submitForm', '')), ['title'])
        assert.equal((await call('submitForm', 'good')).title, 'good')
      }))
  })

  describe('behind the proxy of a development server', () => {
    /** The value that a configuration exports, for this test's server. */
    const configuration = async (name: string) => {
      const [snippet] = named(name)
      assert.ok(snippet)
      const source = toJavaScript(snippet)
        .replace("import { defineConfig } from 'vite'", 'const defineConfig = (config) => config')
        .replaceAll(SERVER, api)
      return (await import(`data:text/javascript,${encodeURIComponent(source)}`)).default
    }
    const assertProxied = async (forward: Forward) => {
      const port = await serveSite(modules(''), forward)
      await onPage(`http://localhost:${port}`, 'cookie', assertWorks)
    }

    it('of Vite, signs in with the cookie of the page’s own origin', async () => {
      const { server } = await configuration('vite.config.ts')
      await onPage(await serveByVite(modules(''), server), 'cookie', assertWorks)
    })

    it('of Next.js, signs in with the cookie of the page’s own origin', async () => {
      const rules: { source: string; destination: string }[] = await (
        await configuration('next.config.ts')
      ).rewrites()
      assert.equal(rules.length, 1)
      await assertProxied((path) => {
        for (const { source, destination } of rules) {
          const [prefix = ''] = source.split(':path*')
          if (path.startsWith(prefix)) {
            return new URL(destination.replace(':path*', path.slice(prefix.length)))
          }
        }
        return undefined
      })
    })
  })

  it('has no line that has not run', () => {
    for (const part of shared) {
      if (part.name === 'server.ts') continue // has no code but the address
      assert.deepEqual(coverage.missing(part.name, toJavaScript(part)), [], part.name)
    }
    for (const [client, [account]] of Object.entries(CLIENTS)) {
      assert.ok(account)
      const missing = coverage.missing(`/${client}/account.ts`, toJavaScript(account))
      assert.deepEqual(missing, [], `account.ts with the ${client}`)
    }
  })
})
