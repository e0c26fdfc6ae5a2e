import { connect, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as secure, type TLSSocket } from 'node:tls'
import type { TlsOptions } from '../core/config/postgres-tls.ts'

/** PostgreSQL's SSLRequest (manual, "Message Formats"). */
const REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const ACCEPTED = 'S'
const REFUSED = 'N'

/**
 * A connection with TLS if the server offers it, and without it otherwise (`sslmode=prefer` of libpq). pg can
 * only do the one or the other, so it gets this stream as one without TLS.
 */
export class PreferredTls extends Duplex {
  readonly #options: TlsOptions
  #socket: Socket | undefined

  constructor(options: TlsOptions) {
    // `connect` opens it, and pg ends it.
    super({ allowHalfOpen: false })
    this.#options = options
  }

  connect(port: number, host: string): this {
    const socket = connect(port, host)
    this.#use(socket)
    socket.setNoDelay(true)
    socket.once('connect', () => socket.write(REQUEST))
    socket.once('data', (reply) => {
      socket.pause()
      const answer = reply.toString('latin1')
      // Bytes behind the reply were sent before TLS began, by someone in between (CVE-2021-23222).
      if (answer === ACCEPTED) this.#secure(socket, host)
      else if (answer === REFUSED) this.#begin(socket)
      else this.destroy(new Error('The server does not speak the protocol of PostgreSQL'))
    })
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(enable?: boolean, delayMs?: number): this {
    this.#socket?.setKeepAlive(enable, delayMs)
    return this
  }

  ref(): this {
    this.#socket?.ref()
    return this
  }

  unref(): this {
    this.#socket?.unref()
    return this
  }

  #secure(socket: Socket, host: string): void {
    const options = { ...this.#options, socket, ...(isIP(host) === 0 && { servername: host }) }
    const tls: TLSSocket = secure(options, () => this.#begin(tls))
    this.#use(tls)
  }

  #begin(socket: Socket): void {
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    this.emit('connect')
    socket.resume()
  }

  #use(socket: Socket): void {
    this.#socket = socket
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket?.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket?.write(chunk, done)
  }

  override _writev(
    chunks: readonly { chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket?.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    this.#socket?.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy()
    done(error)
  }
}
