import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** Where a request comes from when its connection is gone already. */
const NOWHERE = '0.0.0.0'
const WITH_PORT = /^(?:\[([^[\]]+)\]|([\d.]+))(?::\d{1,5})?$/

/**
 * The client's address: the furthest one of `X-Forwarded-For` that a trusted proxy vouches for. Where
 * that is none (`unknown`, a name, garbage), it is the one next to it on the way to us.
 */
export function clientAddress({ ip, ips }: Pick<FastifyRequest, 'ip' | 'ips'>): string {
  for (const hop of (ips ?? [ip]).toReversed()) {
    const address = plainAddress(hop)
    if (address !== undefined) return address
  }
  return NOWHERE
}

/**
 * An address in its one spelling: proxies write it with a port, brackets, quotes or a zone as well, and
 * an IPv4 address within an IPv6 one.
 */
export function plainAddress(text: string | undefined): string | undefined {
  const bare = (text ?? '').trim().replace(/^"(.*)"$/, '$1')
  const [, inBrackets, dotted] = WITH_PORT.exec(bare) ?? []
  const [address = ''] = (inBrackets ?? dotted ?? bare).split('%')
  if (isIPv4(address)) return inBrackets === undefined ? address : undefined
  if (!isIPv6(address)) return undefined
  return embeddedIPv4(new URL(`http://[${address}]`).hostname.slice(1, -1))
}

/** RFC 4291 §2.5.5.2. */
function embeddedIPv4(ipv6: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(ipv6) ?? []
  if (high === undefined || low === undefined) return ipv6
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.')
}

/** Fastify's names for networks. */
const NETWORKS: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** Whether an address, however a proxy has spelled it, is one of `TRUST_PROXY`. */
export function trustedProxies(networks: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList()
  for (const network of networks.flatMap((name) => NETWORKS[name] ?? name)) {
    const [given = '', prefix] = network.split('/')
    const address = plainAddress(given) ?? given
    const [bits, of] = isIPv4(address) ? [32, 'ipv4' as const] : [128, 'ipv6' as const]
    // In a network of IPv4 addresses within IPv6 96 bits are the same for all.
    const within = isIPv4(address) && isIPv6(given) ? 96 : 0
    trusted.addSubnet(address, Math.max(0, Number(prefix ?? bits + within) - within), of)
  }
  return (text) => {
    const address = plainAddress(text)
    return address !== undefined && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** What one client can easily have many addresses of: the /64 of an IPv6 address (RFC 6177 §2). */
export function clientNetwork(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
