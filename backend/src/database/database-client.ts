import { Client, type ClientConfig } from 'pg'

/** pg's options, with those that its types lack. */
export interface ConnectionConfig extends ClientConfig {
  /** Whether pg binds the password to the TLS channel, if the server offers it. */
  readonly enableChannelBinding?: boolean
  /** Whether the connection fails unless that happened (`channel_binding=require` of libpq). */
  readonly requiresChannelBinding?: boolean
  readonly sslnegotiation?: 'postgres' | 'direct'
}

/** The events of pg's connection about authentication. Its types do not declare them. */
interface Wire {
  readonly stream: { destroy(): void }
  emit(event: 'error', error: Error): void
  removeAllListeners(event: string): void
  prependListener(event: string, listener: (message: { mechanisms?: string[] }) => void): void
}

const BOUND = 'SCRAM-SHA-256-PLUS'
/** The other ways in which a server may ask for the password. */
const OTHER_WAYS = ['authenticationCleartextPassword', 'authenticationMD5Password']

/** channel_binding=require, and the database or someone in between does not bind the channel. */
export class ChannelBindingError extends Error {
  override name = 'ChannelBindingError'

  constructor() {
    super('channel_binding=require, but the server did not authenticate with SCRAM-SHA-256-PLUS')
  }
}

/** pg's client. It can also require channel binding, which pg only prefers. */
export class DatabaseClient extends Client {
  constructor(config: ConnectionConfig = {}) {
    super(config)
    if (config.requiresChannelBinding) requireChannelBinding(this.connection as unknown as Wire) // see Wire
  }
}

/** Ends the connection before the password leaves, and before a server that asks for none is believed. */
function requireChannelBinding(wire: Wire): void {
  let isBound = false
  const refuse = () => {
    wire.stream.destroy()
    // It may have arrived together with the message that is refused, and pg would report a connection.
    wire.removeAllListeners('readyForQuery')
    wire.emit('error', new ChannelBindingError())
  }
  wire.prependListener('authenticationSASL', ({ mechanisms = [] }) => {
    if (!mechanisms.includes(BOUND)) refuse()
  })
  for (const way of OTHER_WAYS) wire.prependListener(way, refuse)
  wire.prependListener('authenticationSASLFinal', () => {
    isBound = true
  })
  wire.prependListener('authenticationOk', () => {
    if (!isBound) refuse()
  })
}
