import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** Stands for the address of a request whose connection has already closed. */
const NOWHERE = '0.0.0.0'
const WITH_PORT = /^(?:\[([^[\]]+)\]|([\d.]+))(?::\d{1,5})?$/

/**
 * The client's address: the furthest entry of `X-Forwarded-For` that a trusted proxy has added. If that
 * entry is not an IP address (`unknown`, a name), the next entry towards the server counts.
 *
 * @returns an IP address in normal form; `0.0.0.0` if the connection has already closed.
 */
export function clientAddress({ ip, ips }: Pick<FastifyRequest, 'ip' | 'ips'>): string {
  for (const hop of (ips ?? [ip]).toReversed()) {
    const address = plainAddress(hop)
    if (address !== undefined) return address
  }
  return NOWHERE
}

/**
 * Normalises an IP address as proxies write it: with a port, brackets, quotes or a zone, or as an
 * IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).
 *
 * @returns the address in normal form; undefined if the text is not an IP address.
 */
export function plainAddress(text: string | undefined): string | undefined {
  if (text !== undefined && isIPv4(text)) return text
  const bare = (text ?? '').trim().replace(/^"(.*)"$/, '$1')
  const [, inBrackets, dotted] = WITH_PORT.exec(bare) ?? []
  const [address = ''] = (inBrackets ?? dotted ?? bare).split('%')
  if (isIPv4(address)) return inBrackets === undefined ? address : undefined
  if (!isIPv6(address)) return undefined
  return embeddedIPv4(new URL(`http://[${address}]`).hostname.slice(1, -1))
}

/** @returns the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), other addresses unchanged. */
function embeddedIPv4(ipv6: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(ipv6) ?? []
  if (high === undefined || low === undefined) return ipv6
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.')
}

/** The networks that Fastify's `trustProxy` accepts by name. */
const NETWORKS: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** @returns a function that says whether an address, in any notation, is in one of the networks. */
export function trustedProxies(networks: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList()
  for (const network of networks.flatMap((name) => NETWORKS[name] ?? name)) {
    const [given = '', prefix] = network.split('/')
    const address = plainAddress(given) ?? given
    const [bits, of] = isIPv4(address) ? [32, 'ipv4' as const] : [128, 'ipv6' as const]
    // The first 96 bits of IPv4-mapped IPv6 addresses are the same.
    const within = isIPv4(address) && isIPv6(given) ? 96 : 0
    trusted.addSubnet(address, Math.max(0, Number(prefix ?? bits + within) - within), of)
  }
  return (text) => {
    const address = plainAddress(text)
    return address !== undefined && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** @returns an IPv4 address, or the /64 of an IPv6 address: one client usually has all of it (RFC 6177 §2). */
export function clientNetwork(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
