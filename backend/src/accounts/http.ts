/** The id of the OpenID provider, in requests and in the path of its callback. */
export const OIDC = 'oidc'

/** The path prefix of Better Auth's endpoints, below the base path of the server. */
export const ACCOUNTS_PATH = '/api/auth'

/** Passes the client's address to Better Auth. The server sets it and ignores a client's own. */
export const ADDRESS_HEADER = 'x-client-address'

/** The response headers in which Better Auth returns the session token and the token for tasks. */
export const TOKEN_HEADERS = ['set-auth-token', 'set-auth-jwt'] as const
