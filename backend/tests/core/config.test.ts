import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../../src/core/config/config.ts'
import { misspeltSettings } from '../../src/core/config/misspelt.ts'
import { loadOrCreateSecret } from '../../src/core/config/secret.ts'
import { ConfigError, type Environment } from '../../src/core/config/settings.ts'

const SECRET = 'x'.repeat(32)
const GOOD = { BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'postgres://u:p@h/d' }

describe('the settings', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'todo-config-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const refused: [variable: string, takes: RegExp, environment: Environment][] = [
    ['PORT', /whole number from 0 to 65535/, { PORT: '65536' }],
    ['PORT', /whole number/, { PORT: '80a' }],
    ['PORT', /whole number/, { PORT: '-1' }],
    ['NODE_ENV', /development, production, test/, { NODE_ENV: 'prod' }],
    ['LOG_LEVEL', /fatal, error, warn/, { LOG_LEVEL: 'loud' }],
    ['DATABASE_URL', /postgres:\/\/user:password@host\/database/, { DATABASE_URL: 'mysql://h/d' }],
    ['DATABASE_URL', /postgres:\/\//, { DATABASE_URL: 'h' }],
    ['DATABASE_URL', /percent-encoded/, { DATABASE_URL: 'postgres://u:50%@h/d' }],
    ['DATABASE_URL', /pglite:<directory>/, { DATABASE_URL: 'pglite:' }],
    ['DATABASE_URL_UNPOOLED', /postgres:\/\//, { DATABASE_URL_UNPOOLED: 'h' }],
    ['DATABASE_POOL_MAX', /from 1 to 1000/, { DATABASE_POOL_MAX: '0' }],
    ['BETTER_AUTH_SECRET', /fewer than 32 bytes/, { BETTER_AUTH_SECRET: 'x'.repeat(31) }],
    ['BETTER_AUTH_URL', /such as https:/, { BETTER_AUTH_URL: 'example.com' }],
    ['BETTER_AUTH_URL', /exact origins/, { BETTER_AUTH_URL: 'https://EXAMPLE.com' }],
    ['BETTER_AUTH_URL', /exact origins/, { BETTER_AUTH_URL: 'https://me:pass@h/todo' }],
    ['BETTER_AUTH_URL', /no final slash/, { BETTER_AUTH_URL: 'https://example.com/todo/' }],
    ['BETTER_AUTH_URL', /no query/, { BETTER_AUTH_URL: 'https://example.com/todo?x' }],
    ['BETTER_AUTH_URL', /such as https:/, { BETTER_AUTH_URL: 'https://example.com/a/../b' }],
    ['BETTER_AUTH_URL', /such as https:/, { BETTER_AUTH_URL: 'https://example.com//' }],
    ['BETTER_AUTH_URL', /leave that part out/, { BETTER_AUTH_URL: 'https://a.com/api/auth' }],
    ...[
      ...['todo', '/', '/todo/', '//todo', '/a//b', '/.', '/..', '/a/./b', '/a/..', '/a/../b'],
      ...['/a b', '/a?b', '/a#b', '/a;b', '/%74odo', '/a%2Fb', '/a\\b', '/tödo', '/:id', '/*'],
    ].map((path): [string, RegExp, Environment] => [
      'BASE_PATH',
      /such as \/todo: .* Leave it out/,
      { BASE_PATH: path },
    ]),
    [
      'BASE_PATH',
      /set the path in one of them, or the same in both/,
      { BASE_PATH: '/todo', BETTER_AUTH_URL: 'https://example.com/tasks' },
    ],
    ['TRUSTED_ORIGINS', /no path, no final slash/, { TRUSTED_ORIGINS: 'https://a.com/' }],
    ['TRUSTED_ORIGINS', /exact origins/, { TRUSTED_ORIGINS: '*' }],
    ['TRUSTED_ORIGINS', /exact origins/, { TRUSTED_ORIGINS: 'https://*.example.com' }],
    ['BETTER_AUTH_TRUSTED_ORIGINS', /TRUSTED_ORIGINS$/, { BETTER_AUTH_TRUSTED_ORIGINS: 'x' }],
    ['TRUSTED_ORIGINS', /exact origins/, { TRUSTED_ORIGINS: 'https://a.com,https://b.com/x' }],
    ['TRUST_PROXY', /IP addresses or networks/, { TRUST_PROXY: 'true' }],
    ['TRUST_PROXY', /IP addresses or networks/, { TRUST_PROXY: '10.0.0.0/33' }],
    ['TRUST_PROXY', /IP addresses or networks/, { TRUST_PROXY: '999.0.0.1' }],
    ['RATE_LIMIT_PER_MINUTE', /from 0 to/, { RATE_LIMIT_PER_MINUTE: 'many' }],
    ['COOKIE_SAME_SITE', /lax, strict, none/, { COOKIE_SAME_SITE: 'Lax' }],
    ['COOKIE_SAME_SITE', /needs https/, { COOKIE_SAME_SITE: 'none' }],
    [
      'ACCOUNT_LIMITS',
      /refused when NODE_ENV is production/,
      { NODE_ENV: 'production', ACCOUNT_LIMITS: 'off' },
    ],
    ['CLOCK_TOLERANCE_SECONDS', /from 0 to 300/, { CLOCK_TOLERANCE_SECONDS: '301' }],
    ['WEB_CONCURRENCY', /from 1 to 64/, { WEB_CONCURRENCY: '0' }],
    ['WEB_CONCURRENCY', /from 1 to 64/, { WEB_CONCURRENCY: '65' }],
    [
      'WEB_CONCURRENCY',
      /needs PostgreSQL/,
      { WEB_CONCURRENCY: '2', DATABASE_URL: 'pglite:memory' },
    ],
    [
      'DATABASE_URL',
      /required when NODE_ENV is production/,
      { NODE_ENV: 'production', DATABASE_URL: '' },
    ],
    [
      'BETTER_AUTH_SECRET',
      /required when NODE_ENV is production/,
      { NODE_ENV: 'production', BETTER_AUTH_SECRET: ' ' },
    ],
    [
      'DATABASE_URL_FILE',
      /cannot be read/,
      { DATABASE_URL: undefined, DATABASE_URL_FILE: '/nowhere/x' },
    ],
    ['BETTER_AUTH_SECRET', /both set/, { BETTER_AUTH_SECRET_FILE: '/nowhere/x' }],
    ['BETTER_AUTH_SECRETS', /<version>:<secret>/, { BETTER_AUTH_SECRETS: SECRET }],
    ['BETTER_AUTH_SECRETS', /version 1 has fewer than 32/, { BETTER_AUTH_SECRETS: '1:short' }],
    ['BETTER_AUTH_SECRETS', /twice/, { BETTER_AUTH_SECRETS: `1:${SECRET},1:${SECRET}` }],
    ['BETTER_AUTH_JWKS_URL', /https:\/\//, { BETTER_AUTH_JWKS_URL: 'app.example.com/jwks' }],
    ['BETTER_AUTH_JWKS_URL', /https:\/\//, { BETTER_AUTH_JWKS_URL: 'file:///etc/jwks' }],
    ['ACCOUNTS', /on, off/, { ACCOUNTS: 'true' }],
    ['SIGN_UP', /on, off/, { SIGN_UP: 'no' }],
    ['REQUIRE_EMAIL_VERIFICATION', /needs SMTP_URL/, { REQUIRE_EMAIL_VERIFICATION: 'on' }],
    ['SMTP_URL', /smtp:\/\/user:password/, { SMTP_URL: 'mail.example.com', SMTP_FROM: 'a@b.c' }],
    ['SMTP_URL', /smtp:\/\/user:password/, { SMTP_FROM: 'a@b.c' }],
    ['SMTP_REQUIRE_TLS', /one of on, off/, { SMTP_REQUIRE_TLS: 'no' }],
    ['SMTP_FROM', /todo@example\.com/, { SMTP_URL: 'smtp://mail.example.com' }],
    ['SMTP_FROM', /todo@example\.com/, { SMTP_URL: 'smtp://h', SMTP_FROM: 'a@b.c\r\nBcc: d@e.f' }],
    ['GOOGLE_CLIENT_SECRET', /set both/, { GOOGLE_CLIENT_ID: 'x' }],
    ['GITHUB_CLIENT_ID', /set both/, { GITHUB_CLIENT_SECRET: 'x' }],
    ['OIDC_ISSUER', /missing: set all of/, { OIDC_NAME: 'x' }],
    ['OIDC_CLIENT_ID', /set all of/, { OIDC_ISSUER: 'https://a.example', OIDC_CLIENT_SECRET: 'x' }],
    ['OIDC_CLIENT_SECRET', /set all of/, { OIDC_ISSUER: 'https://a.example', OIDC_CLIENT_ID: 'x' }],
    ...['http://login.example.com', 'login.example.com', 'https://a.example/?x'].map(
      (OIDC_ISSUER): [string, RegExp, Environment] => [
        'OIDC_ISSUER',
        /https address/,
        { OIDC_ISSUER, OIDC_CLIENT_ID: 'x', OIDC_CLIENT_SECRET: 'x' },
      ],
    ),
  ]
  for (const [variable, takes, environment] of refused) {
    it(`names the variable and what it takes: ${JSON.stringify(environment)}`, () => {
      assert.throws(
        () => loadConfig({ ...GOOD, ...environment }),
        (error) => {
          assert.ok(error instanceof ConfigError)
          assert.ok(error.message.startsWith(variable), error.message)
          assert.match(error.message, takes)
          assert.ok(!error.message.includes('\n'))
          return true
        },
      )
    })
  }

  it('has the defaults of the specification', () => {
    const { secret, database, ...rest } = loadConfig({ ...GOOD, DATABASE_URL: undefined })
    assert.deepEqual(database, { kind: 'pglite', directory: join(process.cwd(), '.data') })
    assert.equal(secret, SECRET)
    assert.deepEqual(rest, {
      production: false,
      poolMax: 8,
      verifyingSecrets: [SECRET],
      versionedSecrets: [],
      jwksUrl: undefined,
      accounts: {
        signUp: true,
        requireEmailVerification: false,
        mail: undefined,
        google: undefined,
        github: undefined,
        oidc: undefined,
        cookieSameSite: 'lax',
        limits: true,
      },
      publicUrl: 'http://localhost:8000',
      basePath: '',
      jwtIssuer: undefined,
      jwtAudience: undefined,
      clockToleranceSeconds: 60,
      trustedOrigins: [],
      trustProxy: [],
      rateLimitPerMinute: 600,
      trashDays: 30,
      web: true,
      processes: 1,
      host: '127.0.0.1',
      port: 8000,
      logLevel: 'info',
      observation: { metrics: undefined, tracesUrl: undefined },
      misspelt: undefined,
      secretIsLocal: false,
    })
  })

  it('listens on every address in production, and is frozen', () => {
    const config = loadConfig({ ...GOOD, NODE_ENV: 'production', PORT: '9000' })
    assert.deepEqual(
      [config.host, config.port, config.publicUrl],
      ['0.0.0.0', 9000, 'http://localhost:9000'],
    )
    assert.ok(Object.isFrozen(config))
  })

  it('the base path is in BASE_PATH, in BETTER_AUTH_URL, or the same in both', () => {
    const host = 'https://example.com'
    for (const [environment, basePath, publicUrl] of [
      [{ BASE_PATH: '/todo' }, '/todo', 'http://localhost:8000/todo'],
      [{ BASE_PATH: '/a/b-c_d.e~f' }, '/a/b-c_d.e~f', 'http://localhost:8000/a/b-c_d.e~f'],
      [{ BETTER_AUTH_URL: `${host}/todo` }, '/todo', `${host}/todo`],
      [{ BETTER_AUTH_URL: `${host}/todo`, BASE_PATH: '/todo' }, '/todo', `${host}/todo`],
      [{ BETTER_AUTH_URL: host, BASE_PATH: '/todo' }, '/todo', `${host}/todo`],
      [{ BETTER_AUTH_URL: `${host}/`, BASE_PATH: '/todo' }, '/todo', `${host}/todo`],
      [{ BETTER_AUTH_URL: `${host}/` }, '', host],
      [{ BETTER_AUTH_URL: host, BASE_PATH: '' }, '', host],
    ] as const) {
      const config = loadConfig({ ...GOOD, ...environment })
      assert.deepEqual([config.basePath, config.publicUrl], [basePath, publicUrl])
    }
  })

  it('takes lists, and empty values as unset', () => {
    const config = loadConfig({
      ...GOOD,
      TRUSTED_ORIGINS: 'https://a.com, http://localhost:3000',
      TRUST_PROXY: '10.0.0.0/8,::1, loopback',
      JWT_ISSUER: '',
      PORT: '',
    })
    assert.deepEqual(config.trustedOrigins, ['https://a.com', 'http://localhost:3000'])
    assert.deepEqual(config.trustProxy, ['10.0.0.0/8', '::1', 'loopback'])
    assert.deepEqual([config.jwtIssuer, config.port], [undefined, 8000])
  })

  it('names the embedded database, and a server’s two addresses', () => {
    const database = (url: string, direct?: string) =>
      loadConfig({ ...GOOD, DATABASE_URL: url, DATABASE_URL_UNPOOLED: direct }).database
    assert.deepEqual(database('pglite:memory'), { kind: 'pglite', directory: null })
    assert.deepEqual(database('pglite:/var/todo'), { kind: 'pglite', directory: '/var/todo' })
    const url = 'postgresql://u:p@h-pooler/d?sslmode=require'
    assert.deepEqual(database(url), { kind: 'postgres', url, directUrl: url })
    assert.deepEqual(database(url, 'postgres://h/d'), {
      kind: 'postgres',
      url,
      directUrl: 'postgres://h/d',
    })
  })

  it('reads secrets from files, without their last line end', () => {
    const file = join(folder, 'given')
    writeFileSync(file, ` ${SECRET} \n`)
    const { secret } = loadConfig({
      ...GOOD,
      BETTER_AUTH_SECRET: undefined,
      BETTER_AUTH_SECRET_FILE: file,
    })
    assert.equal(secret, ` ${SECRET} `)
  })

  it('counts the secret in bytes', () => {
    assert.equal(loadConfig({ ...GOOD, BETTER_AUTH_SECRET: 'é'.repeat(16) }).secret.length, 16)
  })

  it('signs with the newest of several secrets, and verifies with all, that of before too', () => {
    const [two, one] = [`${SECRET}2`, `${SECRET}1`]
    const config = loadConfig({ ...GOOD, BETTER_AUTH_SECRETS: `2:${two}, 1:${one}` })
    assert.equal(config.secret, two)
    assert.deepEqual(config.verifyingSecrets, [two, one, SECRET])
    assert.deepEqual(config.versionedSecrets, [
      { version: 2, value: two },
      { version: 1, value: one },
    ])
    const alone = { ...GOOD, NODE_ENV: 'production', BETTER_AUTH_SECRET: '' }
    const { verifyingSecrets } = loadConfig({ ...alone, BETTER_AUTH_SECRETS: `1:${one}` })
    assert.deepEqual(verifyingSecrets, [one])
  })

  it('mail switches verification on, and a setting switches it off again', () => {
    const mail = {
      SMTP_URL: 'smtps://u:p@mail.example.com:465',
      SMTP_FROM: 'Todo <todo@example.com>',
    }
    const accounts = (more: Environment) => loadConfig({ ...GOOD, ...mail, ...more }).accounts
    assert.deepEqual(accounts({})?.mail, {
      url: mail.SMTP_URL,
      from: mail.SMTP_FROM,
      requireTls: true,
    })
    assert.equal(accounts({})?.requireEmailVerification, true)
    assert.equal(accounts({ REQUIRE_EMAIL_VERIFICATION: 'off' })?.requireEmailVerification, false)
    assert.equal(accounts({ ACCOUNTS: 'off' }), null)
    const google = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' }
    assert.deepEqual(accounts(google)?.google, { clientId: 'id', clientSecret: 'secret' })
  })

  it('makes a secret once, beside the embedded data, for the owner alone', () => {
    const environment = { DATABASE_URL: `pglite:${join(folder, 'data')}` }
    const { secret } = loadConfig(environment)
    assert.ok(secret.length >= 43)
    assert.ok(loadConfig(environment).secretIsLocal)
    assert.equal(loadConfig(environment).secret, secret)
    const file = join(folder, 'data', 'secret')
    assert.equal(readFileSync(file, 'utf8').trim(), secret)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(folder, 'data')), ['secret'])
  })

  it('refuses a kept secret that was cut', () => {
    const data = join(folder, 'cut')
    loadOrCreateSecret(join(data, 'secret'))
    writeFileSync(join(data, 'secret'), 'short')
    assert.throws(() => loadConfig({ DATABASE_URL: `pglite:${data}` }), /fewer than 32 bytes/)
  })

  it('a start that is refused leaves no secret behind', () => {
    const data = join(folder, 'refused')
    assert.throws(() => loadConfig({ DATABASE_URL: `pglite:${data}`, PORT: 'x' }), ConfigError)
    assert.ok(!readdirSync(folder).includes('refused'))
  })
})

describe('a variable whose name is close to a setting', () => {
  const close: [given: string, meant: string][] = [
    ['TRUSTED_ORIGIN', 'TRUSTED_ORIGINS'],
    ['trusted_origins', 'TRUSTED_ORIGINS'],
    ['SIGNUP', 'SIGN_UP'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['ACCOUNT', 'ACCOUNTS'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['RATE_LIMIT', 'RATE_LIMIT_PER_MINUTE'],
    ['BETTER_AUTH_SECRET_FILES', 'BETTER_AUTH_SECRET_FILE'],
  ]
  for (const [given, meant] of close) {
    it(`${given} is named with ${meant}`, () => {
      const line = `${given} is not a setting: did you mean ${meant}?`
      assert.equal(misspeltSettings(['PATH', given]), line)
      assert.equal(loadConfig({ ...GOOD, [given]: 'x' }).misspelt, line)
    })
  }

  it('is named in the reason when a setting is refused', () => {
    assert.throws(
      () => loadConfig({ NODE_ENV: 'production', DATABASE_ULR: 'postgres://u:s3cret@h/d' }),
      /^ConfigError: DATABASE_URL is required [^\n]*DATABASE_ULR is not a setting: did you mean DATABASE_URL\?$/,
    )
  })

  it('is not one of another program', () => {
    const foreign = ['HOME', 'HOSTNAME', 'PATH', 'PWD', 'POST', 'LANG', 'NODE_OPTIONS', 'SIGN_IN']
    const more = [
      'GITHUB_TOKEN',
      'GITHUB_ACTIONS',
      'SMTP_HOST',
      'SMTP_USER',
      'SMTP_PORT',
      'NODE_PATH',
    ]
    const platform = [
      'DATABASE_URL_RO',
      'JWT_SECRET',
      'LOG_FORMAT',
      'BETTER_AUTH_TELEMETRY',
      'NODE',
    ]
    for (const name of [...foreign, ...more, ...platform, ...Object.keys(GOOD)]) {
      assert.equal(misspeltSettings([name]), undefined, name)
    }
    assert.equal(loadConfig(GOOD).misspelt, undefined)
  })
})
