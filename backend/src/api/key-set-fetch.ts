import type { FetchImplementation } from 'jose'
import { LIMITS } from '../core/limits.ts'

/** JSON by any of its names. Some hosts of static files call everything text. */
const JSON_TYPE = /^(application\/([\w.-]+\+)?json|text\/(json|plain))\s*(;|$)/i
/**
 * Of a JWK (RFC 7517, RFC 7518 §6) what a public key and the choice of one need, and what makes it
 * private: jose refuses those.
 */
const MEMBERS = [
  ...['kty', 'kid', 'alg', 'use', 'key_ops', 'ext', 'crv', 'x', 'y', 'n', 'e', 'pub'],
  ...['d', 'k', 'priv'],
]

/**
 * Fetches a key set and gives jose what it needs of it. The other side decides how much it sends and
 * how long that takes, so both are bounded; jose's signal ends the reading of the body as well.
 *
 * @throws {Error} why it is not taken: a redirect, a status, a type, its size.
 */
export const fetchKeySet: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options)
  try {
    const type = response.headers.get('content-type')
    if (response.status !== 200) throw new Error(`the answer was ${response.status}`)
    if (type !== null && !JSON_TYPE.test(type)) throw new Error('the answer was not JSON')
    return Response.json({ keys: keysIn(await readText(response)) })
  } catch (error) {
    await response.body?.cancel().catch(() => undefined)
    throw error
  }
}

async function readText({ body, headers }: Response): Promise<string> {
  const tooLarge = () => new Error(`the answer has more than ${LIMITS.keySetBytes} bytes`)
  if (Number(headers.get('content-length')) > LIMITS.keySetBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = body?.getReader()
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      if (done || value === undefined) return Buffer.concat(chunks).toString()
      bytes += value.byteLength
      if (bytes > LIMITS.keySetBytes) throw tooLarge()
      chunks.push(value)
    }
  } finally {
    reader?.releaseLock()
  }
}

function keysIn(text: string): object[] {
  const set: unknown = JSON.parse(text)
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer is no key set')
  if (keys.length > LIMITS.keySetKeys) throw new Error(`it has more than ${LIMITS.keySetKeys} keys`)
  return keys.filter(isPlain).map((key) => {
    const known = MEMBERS.filter((name) => key[name] !== undefined)
    return Object.fromEntries(known.map((name) => [name, key[name]]))
  })
}

/** No member of a public key is more than a word or a list of words; another is no key to look at. */
function isPlain(key: unknown): key is Record<string, unknown> {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  return MEMBERS.every((name) => [Reflect.get(key, name)].flat().every(isWord))
}

function isWord(value: unknown): boolean {
  return value === undefined || ['string', 'number', 'boolean'].includes(typeof value)
}
