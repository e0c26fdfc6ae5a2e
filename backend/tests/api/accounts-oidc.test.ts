import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { JWTPayload } from 'jose'
import { auth, BEHIND_PROXY, claimsOf, signUp } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { CLIENT, type OidcProvider, startOidcProvider } from '../support/oidc-provider.ts'

const cookieOf = ({ headers }: Answer) =>
  (headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ')

describe('a sign-in with an OpenID provider', () => {
  let provider: OidcProvider
  let test: TestApp
  const settings = () => ({
    ...BEHIND_PROXY,
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_NAME: 'Example login',
  })
  before(async () => {
    provider = await startOidcProvider()
    provider.away = true
    test = await startApp('postgres', settings())
  })
  beforeEach(() => {
    provider.away = false
    provider.named = undefined
  })
  after(async () => {
    await test.close()
    await provider.close()
  })

  const begin = (server: TestApp = test) =>
    auth(server, 'POST', '/sign-in/social', {
      body: { provider: 'oidc', callbackURL: '/welcome', errorCallbackURL: '/failed' },
    })
  /** There and back in one browser. `change` changes what comes back. */
  async function signInAs(person: JWTPayload, change: Record<string, string> = {}, server = test) {
    const begun = await begin(server)
    const back = provider.authorize(new URL(begun.json.url), person)
    for (const [name, value] of Object.entries(change)) back.set(name, value)
    const headers = { cookie: cookieOf(begun) }
    return auth(server, 'GET', `/callback/oidc?${back}`, { headers })
  }
  const failure = ({ headers }: Answer) =>
    new URL(String(headers.location), 'http://x').searchParams.get('error')
  const count = async () =>
    Number((await test.admin('select count(*) as n from todo_auth."user"'))[0]?.n)

  it('is 503 while the issuer does not respond, and works when it does', async () => {
    provider.away = true
    const away = await begin()
    assert.deepEqual([away.status, away.json.code], [503, 'PROVIDER_UNAVAILABLE'])
    assert.match(away.json.message, /Example login/)
    await test.lineOf('OIDC_ISSUER could not be read')
    provider.away = false
    assert.equal((await begin()).status, 200)
  })

  it('sends the browser to the provider with PKCE, state and nonce, and without the secret', async () => {
    const { json } = await begin()
    const page = new URL(json.url)
    assert.equal(page.origin + page.pathname, `${provider.issuer}/authorize`)
    const { searchParams } = page
    assert.equal(searchParams.get('client_id'), CLIENT.id)
    assert.equal(searchParams.get('code_challenge_method'), 'S256')
    assert.equal(searchParams.get('redirect_uri'), 'http://localhost:8000/api/auth/callback/oidc')
    assert.deepEqual(
      new Set(searchParams.get('scope')?.split(' ')),
      new Set(['openid', 'email', 'profile']),
    )
    assert.ok(searchParams.get('nonce') && searchParams.get('state'))
    assert.ok(!json.url.includes('secret'))
  })

  it('makes an account once, and leads to a token', async () => {
    const person = { sub: 'p1', email: 'p1@example.com', email_verified: true, name: 'Person' }
    const users = new Set<string>()
    for (let time = 0; time < 2; time += 1) {
      const back = await signInAs(person)
      assert.deepEqual([back.status, back.headers.location], [302, '/welcome'])
      const { json } = await auth(test, 'GET', '/token', { headers: { cookie: cookieOf(back) } })
      users.add(claimsOf(json.token).sub)
    }
    assert.equal(users.size, 1)
  })

  it('links an account of the same address only if the provider has verified the address', async () => {
    const { id, email } = await signUp(test, 'linked@example.com')
    await test.admin(`update todo_auth."user" set "emailVerified" = true where id = $1`, [id])
    const refused = [
      { sub: 'l1', email, email_verified: false },
      { sub: 'l1', email },
      { sub: 'l1', email, email_verified: 'no' },
    ]
    for (const person of refused) {
      assert.equal(failure(await signInAs(person)), 'account_not_linked')
    }
    const back = await signInAs({ sub: 'l1', email, email_verified: true })
    assert.equal(back.headers.location, '/welcome')
    const ways = await test.admin(
      `select "providerId" from todo_auth.account where "userId" = $1 order by 1`,
      [id],
    )
    assert.deepEqual(
      ways.map(({ providerId }) => providerId),
      ['credential', 'oidc'],
    )
  })

  it('links no account whose own address was not verified', async () => {
    const { email } = await signUp(test, 'unverified@example.com')
    const back = await signInAs({ sub: 'u1', email, email_verified: true })
    assert.equal(failure(back), 'account_not_linked')
  })

  const person = { sub: 'x1', email: 'x1@example.com', email_verified: true }
  const WRONG: [string, JWTPayload, Record<string, string>, RegExp][] = [
    ['another nonce', { ...person, nonce: 'other' }, {}, /unable_to_get_user_info/],
    ['no nonce', { ...person, nonce: undefined }, {}, /unable_to_get_user_info/],
    ['another issuer', { ...person, iss: 'https://evil.example' }, {}, /unable_to_get_user_info/],
    ['another audience', { ...person, aud: 'other' }, {}, /unable_to_get_user_info/],
    ['another state', person, { state: 'other' }, /state/],
    ['another code', person, { code: 'other' }, /invalid_code/],
    ['iss of another issuer', person, { iss: 'https://evil.example' }, /issuer_mismatch/],
    ['no address', { sub: 'x1' }, {}, /unable_to_get_user_info|email_not_found/],
  ]
  for (const [what, claims, change, error] of WRONG) {
    it(`makes no account for ${what}`, async () => {
      const before = await count()
      const back = await signInAs(claims, change)
      assert.match(String(failure(back)), error)
      assert.equal(await count(), before)
    })
  }

  it('is refused in another browser than the one that began', async () => {
    const back = provider.authorize(new URL((await begin()).json.url), person)
    assert.match(String(failure(await auth(test, 'GET', `/callback/oidc?${back}`))), /state/)
  })

  it('makes no account where SIGN_UP is off', async () => {
    const closed = await startApp('postgres', { ...settings(), SIGN_UP: 'off' })
    const back = await signInAs(person, {}, closed)
    assert.equal(failure(back), 'signup_disabled')
    await closed.close()
  })

  it('is 503 if the discovery document names another issuer, and the log says so', async () => {
    provider.named = 'https://evil.example'
    const other = await startApp('postgres', settings())
    assert.equal((await begin(other)).status, 503)
    await other.lineOf('names another issuer')
    await other.close()
  })

  it('is 404 where no provider is set', async () => {
    const none = await startApp('postgres', BEHIND_PROXY)
    assert.equal((await begin(none)).status, 404)
    await none.close()
  })
})
