import { once } from 'node:events'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload } from 'jose'
import { SignJWT } from 'jose/jwt/sign'
import { endWithTest } from './started.ts'

/** Serves a key set that can be changed, broken and counted. */
export interface KeyServer {
  readonly url: string
  served(): JWK[]
  /** How often the keys were asked for. */
  asked(): number
  /** Another key takes the place of those of before. */
  rotate(): Promise<void>
  /** While broken, the answer is 500. */
  break(broken: boolean): void
  /** With the newest key. */
  sign(claims: JWTPayload, exp?: number): Promise<string>
  close(): Promise<void>
}

export async function startKeyServer(alg = 'ES256'): Promise<KeyServer> {
  let generation = 0
  let asked = 0
  let broken = false
  const make = async () => {
    generation += 1
    const kid = `key-${generation}`
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
  }
  let key = await make()
  const server = createServer((_request, response) => {
    asked += 1
    if (broken) return response.writeHead(500).end()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [key.jwk] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/jwks`,
    served: () => [key.jwk],
    asked: () => asked,
    rotate: async () => {
      key = await make()
    },
    break: (now) => {
      broken = now
    },
    sign: (claims, exp = Date.now() / 1000 + 300) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, kid: key.kid })
        .setExpirationTime(Math.floor(exp))
        .sign(key.privateKey),
    close: endWithTest('key server', async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }),
  }
}
