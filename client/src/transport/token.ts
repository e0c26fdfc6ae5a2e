import { TodoError } from './errors.ts'

/**
 * Returns the token for tasks, a JWT or a personal access token.
 *
 * @param refused the token that the server has refused with 401. If the result is the same one, the client does
 *   not repeat the request.
 * @throws {TodoError} with status 401 if the session has ended.
 */
export type TokenSource = (refused?: string) => string | Promise<string>

/** Calls `attempt` with a token in `headers`, and once more with a new one if the server refuses the first. */
export async function withToken<Value>(
  source: TokenSource,
  headers: Headers,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const token = await source()
  headers.set('authorization', `Bearer ${token}`)
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof TodoError) || error.status !== 401) throw error
    const renewed = await source(token)
    if (renewed === token) throw error
    headers.set('authorization', `Bearer ${renewed}`)
    return attempt()
  }
}
