import { parseArgs } from 'node:util'
import { withoutSecrets } from './log/redact.ts'
import { VERSION } from './version.ts'

/** The arguments that a program accepts. Each program also accepts `--help` and `--version`. */
export interface Accepted {
  /** One line that begins with `Usage:`. */
  readonly usage: string
  /** Options without a value, such as `yes` for `--yes`. */
  readonly flags?: readonly string[]
  /** Options with a value, such as `name` for `--name Alice`. */
  readonly texts?: readonly string[]
  /** How many further arguments there may be. The default is 0. */
  readonly most?: number
  /** How many of them there must be. The default is 0. */
  readonly least?: number
}

export interface Arguments {
  readonly positionals: readonly string[]
  readonly flags: ReadonlySet<string>
  readonly texts: ReadonlyMap<string, string>
  /** All values of options that are given several times; {@link texts} has the last one. */
  readonly all: ReadonlyMap<string, readonly string[]>
}

/** The arguments do not fit. The message names the first one that does not, and the usage. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/**
 * Reads the arguments of a program. For `--help` and `--version` it prints the text on standard output and
 * ends the process with exit code 0.
 *
 * @throws {UsageError} for an argument that the program does not accept, and if one is missing.
 */
export function readArguments(accepted: Accepted, args = process.argv.slice(2)): Arguments {
  const { usage } = accepted
  const parsed = parse(accepted, args)
  if (parsed.flags.has('help')) printAndEnd(usage)
  if (parsed.flags.has('version')) printAndEnd(VERSION)
  if (parsed.positionals.length < (accepted.least ?? 0)) throw new UsageError(usage)
  return parsed
}

/** Collects all errors before it throws, so that `--help` beside a wrong argument still prints the usage. */
function parse({ usage, flags = [], texts = [], most = 0 }: Accepted, args: string[]): Arguments {
  const known = ['help', 'version', ...flags]
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries(known.map((name) => [name, { type: 'boolean' as const }])),
      ...Object.fromEntries(texts.map((name) => [name, { type: 'string' as const }])),
      help: { type: 'boolean', short: 'h' },
    },
  })
  const given = new Set<string>()
  const values = new Map<string, string>()
  const all = new Map<string, string[]>()
  const positionals: string[] = []
  const wrong: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (positionals.length < most) positionals.push(token.value)
      else wrong.push(`Unknown argument ${withoutSecrets(token.value)}`)
    } else if (token.kind === 'option') {
      const { name, rawName, value, inlineValue } = token
      if (texts.includes(name)) {
        if (value === undefined || (!inlineValue && value.startsWith('-'))) {
          wrong.push(`${rawName} needs a value`)
        } else {
          values.set(name, value)
          all.set(name, [...(all.get(name) ?? []), value])
        }
      } else if (!known.includes(name)) wrong.push(`Unknown argument ${rawName}`)
      else if (value !== undefined) wrong.push(`${rawName} takes no value`)
      else given.add(name)
    }
  }
  const [first] = wrong
  if (first !== undefined && !given.has('help')) throw new UsageError(`${first}. ${usage}`)
  return { positionals, flags: given, texts: values, all }
}

function printAndEnd(text: string): never {
  console.log(text)
  process.exit(0)
}
