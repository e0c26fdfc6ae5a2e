/** Where Better Auth is served. */
export const BASE_PATH = '/api/auth'

/** The client's address for Better Auth: set by us on every request, and never taken from a client. */
export const ADDRESS_HEADER = 'x-client-address'

/** Where Better Auth puts the tokens of a new session and of the tasks. */
export const TOKEN_HEADERS = ['set-auth-token', 'set-auth-jwt'] as const
