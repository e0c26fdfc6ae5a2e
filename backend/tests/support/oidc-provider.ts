import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, type JWTPayload } from 'jose'
import { SignJWT } from 'jose/jwt/sign'
import { endWithTest } from './started.ts'

/** An OpenID provider of the test's own. People are signed in without a page. */
export interface OidcProvider {
  readonly issuer: string
  /** What the provider would put into the redirect back: the code, for a person with these claims. */
  authorize(page: URL, person: JWTPayload): URLSearchParams
  /** While away, it closes every connection. */
  away: boolean
  /** The issuer that the discovery document names, if not its own. */
  named: string | undefined
  close(): Promise<void>
}

export const CLIENT = { id: 'todo', secret: 'a secret of the client' }

interface Grant {
  readonly challenge: string
  readonly claims: JWTPayload
}

export async function startOidcProvider(): Promise<OidcProvider> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }]
  const grants = new Map<string, Grant>()

  async function exchange(request: IncomingMessage): Promise<object | undefined> {
    const form = new URLSearchParams(await text(request))
    const basic = Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')
    const known =
      request.headers.authorization === `Basic ${basic}` ||
      (form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret)
    const grant = grants.get(form.get('code') ?? '')
    grants.delete(form.get('code') ?? '')
    const verifier = form.get('code_verifier') ?? ''
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    if (!known || grant?.challenge !== challenge) return undefined
    const idToken = await new SignJWT(grant.claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
    return { access_token: randomUUID(), token_type: 'Bearer', expires_in: 300, id_token: idToken }
  }

  const server = createServer(async (request, response) => {
    if (provider.away) return request.socket.destroy()
    const { issuer, named = issuer } = provider
    const answers: Record<string, () => object | undefined | Promise<object | undefined>> = {
      '/.well-known/openid-configuration': () => ({
        issuer: named,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        id_token_signing_alg_values_supported: ['ES256'],
      }),
      '/keys': () => ({ keys }),
      '/token': () => exchange(request),
    }
    const answer = await answers[request.url ?? '']?.()
    response.writeHead(answer === undefined ? 400 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? { error: 'invalid_grant' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const provider: OidcProvider = {
    issuer: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    away: false,
    named: undefined,
    authorize: ({ searchParams }, person) => {
      const code = randomUUID()
      const nonce = searchParams.get('nonce')
      const claims = { iss: provider.issuer, aud: CLIENT.id, nonce, ...person }
      grants.set(code, { challenge: searchParams.get('code_challenge') ?? '', claims })
      return new URLSearchParams({ code, state: searchParams.get('state') ?? '' })
    },
    close: endWithTest('OpenID provider', async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }),
  }
  return provider
}
