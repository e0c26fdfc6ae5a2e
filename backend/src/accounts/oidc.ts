import type { BetterAuthPlugin } from 'better-auth'
import { APIError, createAuthMiddleware } from 'better-auth/api'
import { genericOAuth } from 'better-auth/plugins/generic-oauth'
import type { OidcConfig } from '../core/config/accounts-config.ts'
import type { Log } from '../core/log/logger.ts'
import { OIDC } from './http.ts'

export interface OidcOptions {
  readonly disableSignUp: boolean
  readonly requireEmailVerification: boolean
}

/**
 * Sign-in with an OpenID provider, with PKCE and a nonce. Better Auth reads the provider's discovery document
 * with the first sign-in instead of at its start, so that a provider that does not respond delays nobody else. It
 * links an account with the same address only if the provider and this server have verified the address.
 *
 * @returns the plugins, in the order in which they must run.
 */
export function oidcPlugins(settings: OidcConfig, log: () => Log, options: OidcOptions) {
  const { issuer, clientId, clientSecret, name } = settings
  const config = {
    ...{ providerId: OIDC, name, clientId, clientSecret, ...options },
    discoveryUrl: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    requireIdTokenVerification: true,
    scopes: ['openid', 'email', 'profile'],
    pkce: true,
  }
  const plugin = genericOAuth({ config: [config] })
  // The plugin's hook reads the document for each sign-in until it succeeds, for at most 10 s.
  const pending = { genericOAuthPendingDiscovery: new Map([[OIDC, config]]) }
  return [
    { ...plugin, init: async () => ({ context: pending }) },
    unlessDiscovered(settings, log),
  ] satisfies BetterAuthPlugin[]
}

/** 503 if the document could not be read, or is that of another issuer (OpenID Connect Discovery 1.0 §4.3). */
function unlessDiscovered({ issuer, name }: OidcConfig, log: () => Log) {
  return {
    id: 'oidc-discovered',
    hooks: {
      before: [
        {
          matcher: ({ body, params }) => (body?.provider ?? params?.id) === OIDC,
          handler: createAuthMiddleware(async ({ context }) => {
            const found = context.socialProviders.find(({ id }) => id === OIDC)
            if (found?.issuer === issuer) return
            log().warn(
              found === undefined
                ? 'the discovery document of OIDC_ISSUER could not be read'
                : 'the discovery document of OIDC_ISSUER names another issuer: set OIDC_ISSUER to exactly its issuer',
            )
            const message = `The sign-in with ${name} is not available at the moment`
            throw new APIError('SERVICE_UNAVAILABLE', { code: 'PROVIDER_UNAVAILABLE', message })
          }),
        },
      ],
    },
  } satisfies BetterAuthPlugin
}
