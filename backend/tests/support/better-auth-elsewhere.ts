import { once } from 'node:events'
import { createServer } from 'node:http'
import type { BetterAuthOptions } from 'better-auth'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins/jwt'
import { SignJWT } from 'jose/jwt/sign'
import { holdablePasswords } from './passwords.ts'
import { endWithTest } from './started.ts'

/** A Better Auth of another application, served by itself, with what it takes to have its tokens. */
export interface Elsewhere {
  readonly origin: string
  readonly jwksUrl: string
  /** Signs somebody up there, and gets a token from there. */
  person(email: string): Promise<{ id: string; token: string }>
  close(): Promise<void>
}

/**
 * @param sharedSecret signs with HS256, as Better Auth's documentation has it for another backend;
 *   without one it is the plugin as it comes: `jwt()`, EdDSA keys and `/api/auth/jwks`.
 */
export async function startElsewhere(sharedSecret?: string): Promise<Elsewhere> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const auth = betterAuth({
    baseURL: origin,
    secret: sharedSecret ?? 'the secret of another application, kept by it alone',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
    emailAndPassword: { enabled: true, password: holdablePasswords() },
    plugins: [sharedSecret === undefined ? jwt() : jwt(withSecret(sharedSecret, origin))],
    telemetry: { enabled: false },
  } satisfies BetterAuthOptions)
  server.on('request', toNodeHandler(auth))
  return {
    origin,
    jwksUrl: `${origin}/api/auth/jwks`,
    person: async (email) => {
      const headers = { 'content-type': 'application/json', origin }
      const body = JSON.stringify({ name: 'Somebody', email, password: 'correct horse battery' })
      const signUp = await fetch(`${origin}/api/auth/sign-up/email`, {
        method: 'POST',
        headers,
        body,
      })
      const { user } = (await signUp.json()) as { user: { id: string } } // Better Auth's
      const cookie = signUp.headers.getSetCookie().map((one) => one.split(';')[0])
      const answer = await fetch(`${origin}/api/auth/token`, {
        headers: { cookie: cookie.join('; ') },
      })
      const { token } = (await answer.json()) as { token: string } // Better Auth's
      return { id: user.id, token }
    },
    close: endWithTest('Better Auth elsewhere', async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }),
  }
}

function withSecret(secret: string, origin: string): NonNullable<Parameters<typeof jwt>[0]> {
  return {
    jwks: { remoteUrl: `${origin}/none`, keyPairConfig: { alg: 'ES256' } },
    jwt: {
      sign: (payload) =>
        new SignJWT(payload)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new TextEncoder().encode(secret)),
    },
  }
}
