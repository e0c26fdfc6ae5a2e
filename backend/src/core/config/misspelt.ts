/** All settings. A test compares the list with the settings that the server reads. */
export const SETTING_NAMES = [
  ...['NODE_ENV', 'HOST', 'PORT', 'WEB_CONCURRENCY', 'RATE_LIMIT_PER_MINUTE', 'LOG_LEVEL'],
  ...['METRICS_PORT', 'METRICS_HOST', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  ...['TRASH_DAYS', 'WEB'],
  ...['DATABASE_URL', 'DATABASE_URL_UNPOOLED', 'DATABASE_POOL_MAX'],
  ...['BETTER_AUTH_SECRET', 'BETTER_AUTH_SECRETS', 'BETTER_AUTH_JWKS_URL', 'BETTER_AUTH_URL'],
  ...['BASE_PATH'],
  ...['JWT_ISSUER', 'JWT_AUDIENCE', 'CLOCK_TOLERANCE_SECONDS', 'TRUSTED_ORIGINS', 'TRUST_PROXY'],
  ...['ACCOUNTS', 'SIGN_UP', 'REQUIRE_EMAIL_VERIFICATION', 'COOKIE_SAME_SITE', 'ACCOUNT_LIMITS'],
  ...['SMTP_URL', 'SMTP_FROM', 'SMTP_REQUIRE_TLS'],
  ...['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET', 'GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
  ...['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_NAME'],
]

/** These can also be read from a file, whose path is in the variable with the suffix `_FILE`. */
export const SECRETS = [
  ...['BETTER_AUTH_SECRET', 'BETTER_AUTH_SECRETS', 'DATABASE_URL', 'DATABASE_URL_UNPOOLED'],
  ...['SMTP_URL', 'GOOGLE_CLIENT_SECRET', 'GITHUB_CLIENT_SECRET', 'OIDC_CLIENT_SECRET'],
]

const KNOWN = [...SETTING_NAMES, ...SECRETS.map((name) => `${name}_FILE`)]

/** Names of other programs are close to `HOST` and `PORT`, such as `HOME`, and to short names in general. */
const SHORTEST = 7
/** From this length on a name may differ in two characters, below it in one. */
const LONG = 8

/**
 * Looks for variables whose names are close to a setting: at most two other characters, or the first words
 * of its name. The values are not read.
 *
 * @returns one line that names each of them and the setting it is close to; undefined if no name is close to one.
 */
export function misspeltSettings(names: readonly string[]): string | undefined {
  const found = names.flatMap((name) => {
    const meant = KNOWN.includes(name) ? undefined : closest(name.toUpperCase())
    return meant === undefined ? [] : [`${name} is not a setting: did you mean ${meant}?`]
  })
  return found.length === 0 ? undefined : found.join(' ')
}

function closest(name: string): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const setting of KNOWN) {
    if (setting.length < SHORTEST) continue
    const differences = distance(name, setting)
    if (differences > (setting.length < LONG ? 1 : 2) || differences >= least) continue
    best = setting
    least = differences
  }
  return best ?? (name.includes('_') ? beginning(name) : undefined)
}

/** @returns the setting that begins with these words, the shortest of several. */
function beginning(name: string): string | undefined {
  return KNOWN.filter((setting) => setting.startsWith(`${name}_`)).sort(
    (a, b) => a.length - b.length,
  )[0]
}

/** @returns how many characters must be inserted, deleted or replaced (Levenshtein). Above 2 it is inexact. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      line.push(Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1))
    }
    above = line
  }
  return above[b.length] ?? 0
}
