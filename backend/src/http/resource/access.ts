import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may call the route: anyone; any user, by their token; or only the user that the path names,
     * under `/api/:user_id`. There is no default.
     */
    access?: Access
  }
}

export type Access = 'public' | 'token' | 'owner'

const OWNED = /^\/api\/:user_id(\/|$)/

/** Refuses every route that is registered after it and does not say who may call it. */
export function requireAccess(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    // OPTIONS lists the methods of a path. A browser sends it without the token.
    if (method === 'OPTIONS') return
    const access: string | undefined = config?.access
    const name = `${method} ${url}`
    if (access !== 'public' && access !== 'token' && access !== 'owner') {
      throw new Error(`${name} has no config.access. Set it to 'public', 'token' or 'owner'.`)
    }
    if (OWNED.test(url) !== (access === 'owner')) {
      throw new Error(
        `${name} has access '${access}'. All of /api/:user_id, and nothing else, has 'owner'.`,
      )
    }
  })
}
