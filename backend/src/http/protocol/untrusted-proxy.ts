import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { plainAddress, trustedProxies } from './client-network.ts'

/**
 * Warns once if a request has `X-Forwarded-For` from an address that `TRUST_PROXY` does not contain: usually the
 * operator's proxy, behind which all clients then share one address. After the warning it costs nothing.
 */
export function warnOfUntrustedProxy(
  app: FastifyInstance,
  { trustProxy }: Config,
  warn: (text: string) => void,
): void {
  const isTrusted = trustedProxies(trustProxy)
  let last: string | undefined
  const look = ({ headers, socket: { remoteAddress } }: IncomingMessage) => {
    if (headers['x-forwarded-for'] === undefined || remoteAddress === last) return
    last = remoteAddress
    const address = plainAddress(remoteAddress)
    if (address === undefined || isTrusted(address)) return
    app.server.off('request', look)
    const all = [...trustProxy, address].join(',')
    warn(
      `A request from ${address} has X-Forwarded-For, which the server ignores, because TRUST_PROXY does not contain that address. If it is your proxy, set TRUST_PROXY=${all}: otherwise all of its clients share the limits of one`,
    )
  }
  app.server.on('request', look)
}
