import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import type { Limits } from '../../src/core/limits.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { detectScope, type ScopeChoice } from '../../src/database/scope.ts'
import { endWithTest } from './started.ts'

/** A TCP proxy in front of a database, to be cut and frozen. */
export interface DatabaseProxy {
  readonly url: string
  /** Ends every connection that is open now. */
  cut(): void
  /** While frozen, nothing passes in either direction. */
  freeze(frozen: boolean): void
  /** While away, connections are refused at once. */
  away(away: boolean): void
  connections(): number
  close(): Promise<void>
}

/** A pool of so many connections through a proxy, with the limits of the server or shorter ones. */
export function poolThrough(
  { url }: DatabaseProxy,
  poolMax: number,
  limits?: Limits,
  chooseScope: ScopeChoice = detectScope,
): PipelinedPool {
  const connector = { ...connectPostgres({ url, directUrl: url, poolMax }), chooseScope }
  const pool = new PipelinedPool(connector, limits)
  pool.close = endWithTest(`pool of ${poolMax} through a proxy`, pool.close.bind(pool))
  return pool
}

/** BackendKeyData (PostgreSQL manual §54.7): a process and the key to cancel what it does. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12])

/** Names another process than the server's, as poolers do, whose sessions are not PostgreSQL's. */
export function nameAnotherProcess(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const at = chunk.indexOf(KEY_DATA)
      if (at !== -1) chunk.writeInt32BE(1, at + KEY_DATA.length)
      done(null, chunk)
    },
  })
}

/** How bytes pass between a client and the database, in both directions. */
export type Link = (client: Socket, upstream: Socket) => void

/**
 * @param answers what the database's answers pass through, for each connection anew.
 * @param link passes the bytes instead, of each connection.
 */
export async function startProxy(
  target: string,
  answers?: () => Transform,
  link?: Link,
): Promise<DatabaseProxy> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<[Socket, Socket]>()
  let refusing = false
  // Nagle's algorithm would add 40 ms to each exchange of several messages.
  const server = createServer({ noDelay: true }, (client) => {
    if (refusing) return void client.destroy()
    const upstream = connect({ port: Number(port), host: hostname, noDelay: true })
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    if (link !== undefined) link(client, upstream)
    else {
      client.pipe(upstream)
      if (answers === undefined) upstream.pipe(client)
      else upstream.pipe(answers()).pipe(client)
    }
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = new URL(target)
  url.port = String(typeof address === 'object' ? address?.port : '')
  const cut = () => {
    for (const [client, upstream] of pairs) {
      client.destroy()
      upstream.destroy()
    }
  }
  return {
    url: url.href,
    cut,
    freeze: (frozen) => {
      for (const [client, upstream] of pairs) {
        if (link !== undefined) {
          for (const socket of [client, upstream]) frozen ? socket.pause() : socket.resume()
        } else if (frozen) {
          client.unpipe(upstream)
          upstream.unpipe(client)
        } else {
          client.pipe(upstream).pipe(client)
        }
      }
    },
    away: (away) => {
      refusing = away
      if (away) cut()
    },
    connections: () => pairs.size,
    close: endWithTest(
      'proxy of a database',
      () =>
        new Promise((resolve) => {
          cut()
          server.close(() => resolve())
        }),
    ),
  }
}
