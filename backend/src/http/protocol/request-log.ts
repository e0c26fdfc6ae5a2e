import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from './client-network.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether programs that watch the server send this request every few seconds. */
    probe?: true
    /** Whether the path contains a text of a person, so that the log gets only the route. */
    personal?: true
  }
}

const AGENT_CHARACTERS = 160
/** A text without these characters contains neither a token nor an e-mail address. */
const SUSPICIOUS = /eyJ|@|%40/
/** A JWT or a part of one. Every JWT begins with these characters (`{"` in base64url). */
const TOKENS = /eyJ[\w.-]{20,}/g
/** A match begins only where a word does; otherwise a long word without `@` takes quadratic time. */
const E_MAILS = /(?<![^\s@/?#&=<>()"',;:])[^\s@/?#&=<>()"',;:]*(?:@|%40)[^\s/?#&=<>()"',;:]+/g

/**
 * Logs a response in one line. Successful probes are logged at `debug`.
 *
 * @param secretPath the path below which addresses contain secrets, so that the log gets only the route.
 */
export function logResponse(
  request: FastifyRequest,
  reply: FastifyReply,
  secretPath: string,
): void {
  const { method, headers, routeOptions, userId, refusal, log } = request
  const { statusCode: status } = reply
  const isQuiet = routeOptions.config.probe === true && status < 400
  const agent = headers['user-agent']
  const line = {
    method,
    url: loggedPath(request, secretPath),
    route: routeOptions.url,
    status,
    // pino-pretty would print a member named error on a line of its own.
    problem: refusal?.problem,
    reason: refusal?.reason,
    ms: Math.round(reply.elapsedTime),
    bytes: method === 'HEAD' ? 0 : Number(reply.getHeader('content-length') ?? 0),
    user: userId === '' ? undefined : redacted(userId),
    address: clientAddress(request),
    agent: agent && redacted(agent.slice(0, AGENT_CHARACTERS)),
  }
  if (isQuiet) log.debug(line, 'answered')
  else log.info(line, 'answered')
}

/** A query can contain anything that a client puts there by mistake, so it is left out. */
function loggedPath(
  { url, originalUrl, routeOptions }: FastifyRequest,
  secretPath: string,
): string {
  const sent = originalUrl.startsWith('/') ? originalUrl : url
  const query = sent.indexOf('?')
  const path = query === -1 ? sent : sent.slice(0, query)
  if (routeOptions.config.personal) return String(routeOptions.url)
  // Anywhere in the path: a proxy may have left out the base path, or have added another one.
  if (path.includes(secretPath)) return routeOptions.url ?? `${secretPath}/…`
  return redacted(query === -1 ? path : `${path}?…`)
}

function redacted(text: string): string {
  return SUSPICIOUS.test(text) ? text.replace(TOKENS, '…').replace(E_MAILS, '…') : text
}
