/**
 * Runs `npm audit` for CI and fails for a finding of high or critical severity. If the registry does not
 * serve advisories, it prints the older list of advisories in scripts/advisories.json instead.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { argumentsOf } from './arguments.ts'
import { readPackage } from './lockfile.ts'

interface Advisory {
  readonly id: string
  /** The first version without it; null if there is no such version, for the reason in `what`. */
  readonly fixedIn: string | null
  readonly what: string
  readonly source: string
}

export interface Advisories {
  readonly lookedAt: string
  readonly how: string
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly advisories: readonly Advisory[] }>
  >
}

interface Audit {
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string }>>
  readonly message?: string
}

const TIMEOUT_MS = 20_000
const FAILING = ['high', 'critical']

export function readAdvisories(): Advisories {
  return JSON.parse(readFileSync(new URL('advisories.json', import.meta.url), 'utf8'))
}

/** @returns undefined, after printing the reason, if npm returned no result. */
function audit(): Audit | undefined {
  const asked = ['audit', '--json', '--fetch-retries=0', '--fetch-timeout=10000']
  const { stdout, error } = spawnSync('npm', asked, { encoding: 'utf8', timeout: TIMEOUT_MS })
  const answer = parse(stdout)
  if (answer?.vulnerabilities !== undefined) return answer
  const reason = answer?.message ?? error?.message ?? 'no answer'
  console.log(`npm audit returned no result: ${reason.split('\n')[0]}`)
  return undefined
}

function parse(text: string): Audit | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function listLookedUp(): void {
  const { lookedAt, how, packages } = readAdvisories()
  console.log(`Instead, as of ${lookedAt}: ${how}`)
  for (const [name, version] of Object.entries(readPackage('backend').dependencies ?? {})) {
    const known = packages[name]
    const ids = known?.advisories
      .map(({ id, fixedIn }) => `${id} (${fixedIn ?? 'see there'})`)
      .join(', ')
    const verdict = known?.version === version ? ids || 'none found' : 'not looked up'
    console.log(`  ${name} ${version}: ${verdict}`)
  }
  for (const [name, { version, advisories }] of Object.entries(packages)) {
    if (name in (readPackage('backend').dependencies ?? {})) continue
    console.log(`  below them, ${name} ${version}: ${advisories.map(({ id }) => id).join(', ')}`)
  }
  console.log(
    'In brackets is the first version without it. scripts/advisories.json says more, with its sources.',
  )
}

if (import.meta.main) {
  argumentsOf({ usage: 'Usage: npm run check:audit' })
  const found = audit()
  if (found === undefined) {
    listLookedUp()
  } else {
    const severities = Object.entries(found.vulnerabilities ?? {})
    for (const [name, { severity }] of severities) console.log(`  ${name}: ${severity}`)
    const failing = severities.filter(([, { severity }]) => FAILING.includes(severity))
    console.log(
      `npm audit: ${severities.length} packages with findings, ${failing.length} of them high or critical`,
    )
    process.exitCode = failing.length === 0 ? 0 : 1
  }
}
