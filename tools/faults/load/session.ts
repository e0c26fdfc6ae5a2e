import { Agent } from 'node:http'
import { SignJWT } from 'jose/jwt/sign'
import { exchange, type Outcome, type Sending } from './exchange.ts'
import { SECRET } from './secret.ts'

const LIFETIME_S = 15 * 60
/** Backdates tokens, because a server whose clock is late would refuse a token from the future. */
const ISSUED_BEFORE_S = 120
const RENEW_S = 5 * 60

/** @param fromNowS the time until the token expires, in seconds. */
export function signToken(user: string, fromNowS = LIFETIME_S): Promise<string> {
  const nowS = Math.floor(Date.now() / 1_000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt(nowS - ISSUED_BEFORE_S)
    .setExpirationTime(nowS + fromNowS)
    .sign(new TextEncoder().encode(SECRET))
}

/** A client's persistent connection and its token for each user. */
export class Session {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #tokens = new Map<string, { token: string; sinceMs: number }>()
  readonly #port: () => number

  /** @param port called for each request, because a restarted server has another port. */
  constructor(port: () => number) {
    this.#port = port
  }

  async send(user: string, sending: Omit<Sending, 'port' | 'token'>): Promise<Outcome> {
    const token = await this.#token(user)
    return exchange({ ...sending, port: this.#port(), token }, this.#agent)
  }

  /** Sends a request without a token. */
  sendAsNobody(sending: Omit<Sending, 'port' | 'token'>): Promise<Outcome> {
    return exchange({ ...sending, port: this.#port() }, this.#agent)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #token(user: string): Promise<string> {
    const known = this.#tokens.get(user)
    if (known !== undefined && performance.now() - known.sinceMs < RENEW_S * 1_000) {
      return known.token
    }
    const token = await signToken(user)
    this.#tokens.set(user, { token, sinceMs: performance.now() })
    return token
  }
}
