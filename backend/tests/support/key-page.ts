import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { SignJWT } from 'jose/jwt/sign'

/** Where a key set is served, in whatever way. */
export interface KeyPage {
  readonly url: string
  /** From here on this answers. */
  answer(listener: RequestListener): void
  serve(keys: readonly JWK[]): void
  close(): Promise<void>
}

export async function startKeyPage(): Promise<KeyPage> {
  let current: RequestListener = (_request, response) => response.writeHead(500).end()
  const server = createServer((request, response) => current(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const answer = (listener: RequestListener) => {
    current = listener
  }
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/jwks`,
    answer,
    serve: (keys) =>
      answer((_request, response) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ keys }))
      }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A key, and what it signs. */
export interface SigningKey {
  readonly jwk: JWK
  sign(claims?: object, header?: { kid?: string }): Promise<string>
}

/** @param more replaces members of the public key: without `alg`, for one. */
export async function signingKey(kid: string, alg = 'ES256', more: JWK = {}): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg, ...more },
    sign: (claims = { sub: 'alice' }, header = { kid }) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg, ...header })
        .setExpirationTime('5m')
        .sign(privateKey),
  }
}
