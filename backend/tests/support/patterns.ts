/** What may stand before a slash that begins a regular expression and does not divide. */
const BEFORE_PATTERN = /(?:^|[(,=:[!&|?{;>]|\b(?:return|typeof|case|of|in))\s*$/
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[dgimsuvy]*(?!\w)/g

/** The regular expressions that are written out in a TypeScript text. */
export function literalsOf(text: string): RegExp[] {
  const found: RegExp[] = []
  TOKEN.lastIndex = 0
  for (let token = TOKEN.exec(text); token !== null; token = TOKEN.exec(text)) {
    const [written] = token
    if (/^\/[/*]|^['"]/.test(written)) continue
    const line = text.slice(text.lastIndexOf('\n', token.index) + 1, token.index)
    if (!BEFORE_PATTERN.test(line)) {
      // A division, or a slash in a template: look again behind it.
      TOKEN.lastIndex = token.index + 1
      continue
    }
    const end = written.lastIndexOf('/')
    found.push(new RegExp(written.slice(1, end), written.slice(end + 1)))
  }
  return found
}

/** Those that `new RegExp` makes during the work, in whatever package. */
export async function madeDuring(work: () => Promise<unknown>): Promise<RegExp[]> {
  const made: RegExp[] = []
  const Original = globalThis.RegExp
  globalThis.RegExp = new Proxy(Original, {
    construct: (target, parameters, newTarget) => {
      const pattern: RegExp = Reflect.construct(target, parameters, newTarget)
      made.push(pattern)
      return pattern
    },
  })
  try {
    await work()
  } finally {
    globalThis.RegExp = Original
  }
  return made
}

const ESCAPES: Record<string, string[]> = {
  s: [' ', '\t'],
  S: ['x'],
  d: ['0', '9'],
  D: ['x'],
  w: ['a', '_', '0'],
  W: [' '],
  b: ['a'],
  B: ['a'],
  n: ['\n'],
  r: ['\r'],
  t: ['\t'],
}

/** Characters that the expression names, or that a class of it has. */
function alphabetOf({ source }: RegExp): string[] {
  const found = new Set<string>(['x', '\0'])
  for (const [, code, escaped, plain] of source.matchAll(
    /\\(?:u|x)([0-9a-fA-F]{4}|[0-9a-fA-F]{2})|\\(.)|(.)/gu,
  )) {
    if (code !== undefined) found.add(String.fromCharCode(Number.parseInt(code, 16)))
    else if (escaped !== undefined) for (const one of ESCAPES[escaped] ?? [escaped]) found.add(one)
    else if (plain !== undefined) found.add(plain)
  }
  return [...found]
}

/** The words of an expression, one behind the other: what a text it matches may begin with. */
function beginningsOf({ source }: RegExp): string[] {
  const words = source
    .replace(/\[(?:[^\]\\]|\\.)*\]|\\[a-zA-Z]|\{[\d,]*\}|\(\?(?:<?[=!]|:)|[\^$()*+?|.]/g, '\0')
    .replace(/\\(.)/g, '$1')
    .split('\0')
    .filter((word) => word !== '')
  const beginnings = words.map((_, at) => words.slice(0, at + 1).join(''))
  return ['', ...beginnings.filter((_, at) => at < 6 || at === beginnings.length - 1)]
}

/** Texts of this length that a careless expression takes its time for. */
export function* hostileTexts(pattern: RegExp, length: number): Generator<string> {
  const alphabet = alphabetOf(pattern)
  const beginnings = beginningsOf(pattern)
  for (const beginning of beginnings) {
    for (const one of alphabet) {
      yield `${beginning}${one.repeat(length)}\0`
      if (beginning === '') yield one.repeat(length)
    }
  }
  // Letters and digits stand for each other here.
  const kinds = alphabet.filter((one) => !/[b-wyzB-Z1-9]/.test(one)).slice(0, 14)
  for (const first of kinds) {
    for (const second of kinds) {
      if (first < second) yield `${beginnings.at(-1)}${(first + second).repeat(length / 2)}\0`
    }
  }
}

/** The CPU time of this thread, in ms: other programs that share the machine do not add to it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** The least CPU time, in ms, that a match takes in a few attempts. */
export function takesMs(pattern: RegExp, text: string, goodMs: number): number {
  let least = Number.POSITIVE_INFINITY
  let allMs = 0
  for (let tries = 0; tries < 9 && least >= goodMs && allMs < 100; tries += 1) {
    const startedMs = cpuMs()
    if (pattern.global) text.replace(pattern, '')
    else pattern.test(text)
    const tookMs = cpuMs() - startedMs
    least = Math.min(least, tookMs)
    allMs += tookMs
  }
  return least
}

/** Of all that is matched during the work, what takes longest: every way to match is one of `exec`. */
export async function slowestDuring(
  work: () => Promise<unknown>,
): Promise<{ tookMs: number; pattern: string }> {
  const slowest = { tookMs: 0, pattern: '' }
  const original = RegExp.prototype.exec
  RegExp.prototype.exec = function exec(text) {
    const startedMs = performance.now()
    const match = original.call(this, text)
    const tookMs = performance.now() - startedMs
    if (tookMs > slowest.tookMs) Object.assign(slowest, { tookMs, pattern: `${this}` })
    return match
  }
  try {
    await work()
  } finally {
    RegExp.prototype.exec = original
  }
  return slowest
}
