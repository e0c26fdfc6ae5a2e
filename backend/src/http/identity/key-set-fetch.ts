import type { FetchImplementation } from 'jose'
import { LIMITS } from '../../core/limits.ts'

/** The media types of JSON. Some static file hosts send everything as text. */
const JSON_TYPE = /^(application\/([\w.-]+\+)?json|text\/(json|plain))\s*(;|$)/i
/**
 * The JWK members (RFC 7517, RFC 7518 §6) that a public key and its selection need, and those that make
 * a key private: jose refuses private keys.
 */
const MEMBERS = [
  ...['kty', 'kid', 'alg', 'use', 'key_ops', 'ext', 'crv', 'x', 'y', 'n', 'e', 'pub'],
  ...['d', 'k', 'priv'],
]

/**
 * Fetches a key set and passes only the necessary members to jose. The issuer controls size and duration, so
 * both are bounded. jose's abort signal also ends the reading of the body.
 *
 * @returns a JSON response with at most `keySetKeys` keys, read from at most `keySetBytes` bytes.
 * @throws {Error} for a redirect, a status other than 200, another media type, or too many bytes or keys.
 */
export const fetchKeySet: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options)
  try {
    const type = response.headers.get('content-type')
    if (response.status !== 200)
      throw new Error(`The status of the response was ${response.status}`)
    if (type !== null && !JSON_TYPE.test(type)) throw new Error('The response was not JSON')
    return Response.json({ keys: keysIn(await readText(response)) })
  } catch (error) {
    await response.body?.cancel().catch(() => undefined)
    throw error
  }
}

async function readText({ body, headers }: Response): Promise<string> {
  const tooLarge = () => new Error(`The response has more than ${LIMITS.keySetBytes} bytes`)
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
  if (!Array.isArray(keys)) throw new Error('The response is not a JSON Web Key Set')
  if (keys.length > LIMITS.keySetKeys)
    throw new Error(`The response has more than ${LIMITS.keySetKeys} keys`)
  return keys.filter(isPlain).map((key) => {
    const known = MEMBERS.filter((name) => key[name] !== undefined)
    return Object.fromEntries(known.map((name) => [name, key[name]]))
  })
}

/** Whether each member of a key is a primitive or a list of primitives; other keys are ignored. */
function isPlain(key: unknown): key is Record<string, unknown> {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  return MEMBERS.every((name) => [Reflect.get(key, name)].flat().every(isPrimitive))
}

function isPrimitive(value: unknown): boolean {
  return value === undefined || ['string', 'number', 'boolean'].includes(typeof value)
}
