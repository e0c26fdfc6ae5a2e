import type { FastifyReply } from 'fastify'

interface Range {
  readonly type: string
  readonly q: number
}

/** `q` (RFC 9110 §12.4.2). A malformed weight counts as 1. */
const WEIGHT = /;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?=;|$)/i

/**
 * Whether a client asks for `type` rather than for `usual` (RFC 9110 §12.5.1). With equal weights the one that the
 * client names wins over a wildcard, and the first of both if it names both. Without a preference it is `usual`.
 *
 * @param accept the value of Accept. @param type in lower case, as `usual`.
 */
export function prefers(accept: string | undefined, type: string, usual: string): boolean {
  if (!accept?.toLowerCase().includes(type)) return false
  const ranges = rangesIn(accept)
  const at = (name: string) => {
    const wildcards = [name, `${name.slice(0, name.indexOf('/'))}/*`, '*/*']
    const found = wildcards.map((wanted) => ranges.findIndex((range) => range.type === wanted))
    const rank = found.findIndex((index) => index >= 0)
    const index = found[rank] ?? -1
    return { q: ranges[index]?.q ?? 0, rank, index }
  }
  const wanted = at(type)
  const other = at(usual)
  if (wanted.q === 0 || wanted.q !== other.q) return wanted.q > other.q
  return wanted.rank < other.rank || (wanted.rank === other.rank && wanted.index < other.index)
}

/**
 * Chooses the content coding that a client prefers (RFC 9110 §12.5.3).
 *
 * @param header the value of Accept-Encoding. @param offered the best first, in lower case.
 * @returns `identity` if the client accepts none of them, prefers it, or did not say.
 */
export function acceptedCoding<Coding extends string>(
  header: string | undefined,
  offered: Iterable<Coding>,
): Coding | 'identity' {
  const ranges = rangesIn(header ?? '')
  const weightOf = (name: string) => ranges.find(({ type }) => type === name)?.q
  let best: Coding | 'identity' = 'identity'
  let most = weightOf('identity') ?? 0
  for (const coding of offered) {
    const q = weightOf(coding) ?? weightOf('*') ?? 0
    if (q > most || (q === most && q > 0 && best === 'identity')) {
      best = coding
      most = q
    }
  }
  return best
}

/** Adds a name to `Vary`, where the plugin for CORS may have written another one. */
export function varyBy(reply: FastifyReply, name: string): void {
  reply.header('vary', [reply.getHeader('vary'), name].filter(Boolean).join(', '))
}

function rangesIn(header: string): Range[] {
  return header.split(',').map((part): Range => {
    const [name = ''] = part.split(';', 1)
    const weight = WEIGHT.exec(part)?.[1]
    return { type: name.trim().toLowerCase(), q: weight === undefined ? 1 : Number(weight) }
  })
}
