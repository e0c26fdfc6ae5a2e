/** One environment variable that the server reads. */
export interface Setting {
  readonly name: string
  /** Without it the setting has no default. */
  readonly fallback?: string
  /** The default as a sentence in Markdown, if `fallback` does not describe it completely. */
  readonly fallbackNote?: string
  /** The accepted values, in Markdown. */
  readonly takes: string
  readonly purpose: string
  /** Whether `<name>_FILE` may name a file with the value. */
  readonly file?: true
}

/** All settings by subject, from which docs/settings.md and .env.example are written. */
export const SETTINGS: Readonly<Record<string, readonly Setting[]>> = {
  Server: [
    {
      name: 'NODE_ENV',
      fallback: 'development',
      takes: '`development`, `production`, `test`',
      purpose:
        'In production, `DATABASE_URL` and `BETTER_AUTH_SECRET` (or `BETTER_AUTH_SECRETS`) are required, and the server prints no tokens.',
    },
    {
      name: 'HOST',
      fallback: '127.0.0.1',
      fallbackNote: '`127.0.0.1`; in production `0.0.0.0`',
      takes: 'an address or a host name',
      purpose: 'The address on which the server listens.',
    },
    {
      name: 'PORT',
      fallback: '8000',
      takes: '0 to 65535',
      purpose: 'The port on which the server listens. With 0 the operating system chooses one.',
    },
    {
      name: 'WEB_CONCURRENCY',
      fallback: '1',
      takes: '1 to 64; 1 with the embedded database',
      purpose: 'The number of server processes that share the port.',
    },
    {
      name: 'RATE_LIMIT_PER_MINUTE',
      fallback: '600',
      takes: '0 to 1000000; 0 means no limit',
      purpose: 'Task requests of one user per minute, over all processes of `WEB_CONCURRENCY`.',
    },
    {
      name: 'TRASH_DAYS',
      fallback: '30',
      takes: '0 to 3650; 0 means that deletion is permanent',
      purpose: 'How many days a deleted task stays in the trash.',
    },
    {
      name: 'WEB',
      fallback: 'on',
      takes: '`on`, `off`',
      purpose:
        'Whether the server serves the web page, if it is built. With `off` the address of the server is JSON for browsers too.',
    },
    {
      name: 'LOG_LEVEL',
      fallback: 'info',
      takes: '`fatal`, `error`, `warn`, `info`, `debug`, `trace`, `silent`',
      purpose:
        'The log has JSON lines; on a terminal, lines for people. Successful probes have lines from `debug` on.',
    },
    {
      name: 'METRICS_PORT',
      fallbackNote: 'no metrics',
      takes: '0 to 65535, not the value of `PORT`',
      purpose:
        'The port on which `/metrics` is served in the text format of Prometheus. With 0 the operating system chooses one.',
    },
    {
      name: 'METRICS_HOST',
      fallback: '127.0.0.1',
      takes: 'an address or a host name',
      purpose: 'The address on which `/metrics` is served. It needs no token.',
    },
    {
      name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      takes: 'an `https://` or `http://` address, such as `http://127.0.0.1:4318`',
      purpose:
        'The OpenTelemetry collector that receives traces, by OTLP over HTTP. The packages are installed separately: see docs/operations.md.',
    },
  ],
  Database: [
    {
      name: 'DATABASE_URL',
      fallback: 'pglite:.data',
      fallbackNote: '`pglite:.data`; in production none',
      takes: '`postgres://user:password@host/database`, `pglite:<directory>`, `pglite:memory`',
      purpose:
        'The database: PostgreSQL 15 or newer, or the embedded database. Parameters such as `?sslmode=require` have their meaning in libpq.',
      file: true,
    },
    {
      name: 'DATABASE_URL_UNPOOLED',
      fallbackNote: 'the value of `DATABASE_URL`',
      takes: '`postgres://user:password@host/database`',
      purpose: 'The same database without a pooler. Migrations use it.',
      file: true,
    },
    {
      name: 'DATABASE_POOL_MAX',
      fallback: '8',
      takes: '1 to 1000',
      purpose:
        'Connections of each server process to PostgreSQL for tasks. Accounts use up to 4 more. The embedded database has one session.',
    },
  ],
  Tokens: [
    {
      name: 'BETTER_AUTH_SECRET',
      fallbackNote:
        'generated once and kept with mode 0600 in the file `secret` in `.data` or beside the embedded database; in production none',
      takes: 'at least 32 bytes, such as the output of `openssl rand -base64 32`',
      purpose: 'The key that signs and verifies HS256 tokens.',
      file: true,
    },
    {
      name: 'BETTER_AUTH_SECRETS',
      takes: '`<version>:<secret>`, comma-separated, newest first; at least 32 bytes each',
      purpose:
        'Several secrets, to rotate them. The first signs, and all verify. `BETTER_AUTH_SECRET` verifies as the oldest.',
      file: true,
    },
    {
      name: 'BETTER_AUTH_JWKS_URL',
      takes: 'an `https://` or `http://` address',
      purpose: 'The key set of an external issuer, whose tokens the server also accepts.',
    },
    {
      name: 'JWT_ISSUER',
      takes: 'any text',
      purpose: 'If set, every token must have this `iss`.',
    },
    {
      name: 'JWT_AUDIENCE',
      takes: 'any text',
      purpose: 'If set, every token must have this `aud`.',
    },
    {
      name: 'CLOCK_TOLERANCE_SECONDS',
      fallback: '60',
      takes: '0 to 300',
      purpose:
        'How far the clock of an issuer may differ from the clock of this server, for `exp` and `nbf`.',
    },
  ],
  'Addresses and origins': [
    {
      name: 'BETTER_AUTH_URL',
      fallback: 'http://localhost:8000',
      fallbackNote: '`http://localhost:$PORT`',
      takes: 'scheme, host and port, and the base path if there is one: `https://example.com/todo`',
      purpose:
        'The address that clients use. Mails contain it, tokens have it as `iss` and `aud`, and with `https` cookies are Secure.',
    },
    {
      name: 'BASE_PATH',
      fallbackNote: 'the path of `BETTER_AUTH_URL`, which is empty at the root of a host',
      takes:
        'a path such as `/todo`: letters, digits, `-`, `.`, `_`, `~`; no final slash, no empty or dot segments',
      purpose:
        'The path below which the server serves everything, its health checks too. `BETTER_AUTH_URL` has the same path or none.',
    },
    {
      name: 'TRUSTED_ORIGINS',
      takes: 'exact origins, comma-separated, such as `https://app.example.com`',
      purpose:
        'Browser origins whose pages may read responses (CORS) and use accounts. Outside production, `localhost` and `127.0.0.1` are trusted at every port.',
    },
    {
      name: 'TRUST_PROXY',
      takes:
        'addresses, networks such as `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`, comma-separated',
      purpose:
        'Proxies whose `X-Forwarded-For` the server believes. The limits on accounts count by that address.',
    },
  ],
  Accounts: [
    {
      name: 'ACCOUNTS',
      fallback: 'on',
      takes: '`on`, `off`',
      purpose: '`off` removes `/api/auth`. All tokens then come from an external issuer.',
    },
    {
      name: 'SIGN_UP',
      fallback: 'on',
      takes: '`on`, `off`',
      purpose: 'With `off`, only `npm run user` creates accounts.',
    },
    {
      name: 'REQUIRE_EMAIL_VERIFICATION',
      fallbackNote: '`on` with `SMTP_URL`, otherwise `off`',
      takes: '`on`, `off`; `on` requires `SMTP_URL`',
      purpose: 'Whether a person must verify the e-mail address before the first sign-in.',
    },
    {
      name: 'ACCOUNT_LIMITS',
      fallback: 'on',
      takes: '`on`, `off`; in production only `on`',
      purpose:
        'With `off`, sign-ups, sign-ins, passwords and mails are not limited. It is meant for test suites.',
    },
    {
      name: 'COOKIE_SAME_SITE',
      fallback: 'lax',
      takes: '`lax`, `strict`, `none`; `none` requires `https` in `BETTER_AUTH_URL`',
      purpose:
        'The `SameSite` attribute of the session’s cookie. A front end on another site needs `none`.',
    },
    {
      name: 'SMTP_URL',
      takes: '`smtp://user:password@host:587` or `smtps://…`',
      purpose: 'The mail server, for verification and password reset.',
      file: true,
    },
    {
      name: 'SMTP_FROM',
      takes: 'an e-mail address, with or without a name; required with `SMTP_URL`',
      purpose: 'The sender of mails, such as `Todo <todo@example.com>`.',
    },
    {
      name: 'SMTP_REQUIRE_TLS',
      fallbackNote: '`on`; for localhost, `127.0.0.0/8` and `[::1]` `off`',
      takes: '`on`, `off`',
      purpose:
        'With `smtp://`: whether the server refuses to send mail if the mail server does not offer STARTTLS.',
    },
    {
      name: 'GOOGLE_CLIENT_ID',
      takes: 'a text; required with `GOOGLE_CLIENT_SECRET`',
      purpose: 'The registration of this server at Google.',
    },
    {
      name: 'GOOGLE_CLIENT_SECRET',
      takes: 'a text; required with `GOOGLE_CLIENT_ID`',
      purpose: 'The secret of that registration.',
      file: true,
    },
    {
      name: 'GITHUB_CLIENT_ID',
      takes: 'a text; required with `GITHUB_CLIENT_SECRET`',
      purpose: 'The registration of this server at GitHub.',
    },
    {
      name: 'GITHUB_CLIENT_SECRET',
      takes: 'a text; required with `GITHUB_CLIENT_ID`',
      purpose: 'The secret of that registration.',
      file: true,
    },
    {
      name: 'OIDC_ISSUER',
      takes: 'the https address of an OpenID provider; http only on this machine',
      purpose:
        'Sign-in with this provider, exactly as `issuer` in its discovery document. Requires the two settings below.',
    },
    {
      name: 'OIDC_CLIENT_ID',
      takes: 'a text; required with `OIDC_ISSUER`',
      purpose: 'The registration of this server at the OpenID provider.',
    },
    {
      name: 'OIDC_CLIENT_SECRET',
      takes: 'a text; required with `OIDC_ISSUER`',
      purpose: 'The secret of that registration.',
      file: true,
    },
    {
      name: 'OIDC_NAME',
      takes: 'a text, such as `Example login`',
      fallbackNote: 'the host of `OIDC_ISSUER`',
      purpose: 'The name of the OpenID provider in messages for people.',
    },
  ],
}
