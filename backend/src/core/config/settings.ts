import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { accessRemedy } from '../access-remedy.ts'
import { withoutSecrets } from '../log/redact.ts'
import { SECRETS } from './misspelt.ts'

/** A setting is invalid, so the server cannot start. The message is one line that names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export type Environment = Record<string, string | undefined>

export type SettingsReader = ReturnType<typeof settingsReader>

/** @returns the value. @throws {ConfigError} if it is not exactly an origin (RFC 6454 §6.2). */
export function exactOrigin(name: string, value: string): string {
  const url = URL.parse(value)
  if (
    url === null ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.origin !== value ||
    /[*?]/.test(value)
  ) {
    throw new ConfigError(
      `${name} takes exact origins such as https://app.example.com (scheme, host, port; no path, no final slash)`,
    )
  }
  return value
}

function isAddress(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  return (
    ['loopback', 'linklocal', 'uniquelocal'].includes(value) ||
    (isIP(address) !== 0 &&
      rest.length === 0 &&
      (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)))
  )
}

/** @returns methods that read one setting each, and throw {@link ConfigError} for an invalid value. */
export function settingsReader(env: Environment) {
  const text = (name: string): string | undefined => {
    const file = SECRETS.includes(name) ? env[`${name}_FILE`] || undefined : undefined
    const value = env[name]?.trim() ? env[name] : undefined
    if (file === undefined) return value
    if (value !== undefined) {
      throw new ConfigError(`${name} and ${name}_FILE are both set: keep one of them`)
    }
    try {
      return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined
    } catch (cause) {
      throw new ConfigError(
        `${name}_FILE names a file that cannot be read: ${withoutSecrets(file)}.${accessRemedy(cause)}`,
        { cause },
      )
    }
  }
  const list = (name: string): string[] =>
    (text(name) ?? '').split(',').flatMap((item) => item.trim() || [])
  const oneOf = (name: string, choices: readonly string[], fallback: string): string => {
    const value = text(name) ?? fallback
    if (choices.includes(value)) return value
    throw new ConfigError(`${name} takes one of ${choices.join(', ')}`)
  }
  return {
    text,
    list,
    oneOf,
    toggle: (name: string, fallback: boolean): boolean =>
      oneOf(name, ['on', 'off'], fallback ? 'on' : 'off') === 'on',
    integer(name: string, fallback: number, least: number, most: number): number {
      const value = text(name)
      if (value === undefined) return fallback
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
      if (number >= least && number <= most) return number
      throw new ConfigError(`${name} takes a whole number from ${least} to ${most}`)
    },
    url(name: string): string | undefined {
      const value = text(name)
      if (value === undefined) return undefined
      if (['http:', 'https:'].includes(URL.parse(value)?.protocol ?? '')) return value
      throw new ConfigError(
        `${name} takes an address such as https://app.example.com/api/auth/jwks`,
      )
    },
    addresses(name: string): string[] {
      const values = list(name)
      if (values.every(isAddress)) return values
      throw new ConfigError(
        `${name} takes IP addresses or networks of proxies, such as 10.0.0.0/8, comma-separated`,
      )
    },
  }
}
