import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { endWithTest } from './started.ts'

/** A mail server of the test's own, and what it was sent. */
export interface Mailbox {
  readonly url: string
  /** The next mail to an address, as it was sent: from it on, later ones count. */
  next(to: string): Promise<string>
  /** How many mails have come to an address. */
  count(to: string): number
  close(): Promise<void>
}

/** @param options in place of those of a server that takes every mail, without TLS. */
export async function startMailbox(options: SMTPServerOptions = {}): Promise<Mailbox> {
  const waiting = new Map<string, ((mail: string) => void)[]>()
  const unread = new Map<string, string[]>()
  const counts = new Map<string, number>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: async (stream, { envelope }, done) => {
      const mail = await text(stream)
      for (const { address } of envelope.rcptTo) {
        counts.set(address, (counts.get(address) ?? 0) + 1)
        const reader = waiting.get(address)?.shift()
        if (reader) reader(mail)
        else unread.set(address, [...(unread.get(address) ?? []), mail])
      }
      done()
    },
    ...options,
  })
  // A client that ends a handshake is no fault of the test’s.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()
  return {
    url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    next: (to) => {
      const mail = unread.get(to)?.shift()
      if (mail !== undefined) return Promise.resolve(mail)
      return new Promise((resolve) => waiting.set(to, [...(waiting.get(to) ?? []), resolve]))
    },
    count: (to) => counts.get(to) ?? 0,
    close: endWithTest('mail server', () => new Promise((resolve) => server.close(resolve))),
  }
}

/** What a mail server says that takes no mail for an address: it quotes all that it was sent. */
export function refusal(words: string): Error {
  return Object.assign(new Error(words), { responseCode: 550 })
}

/** The address in a mail, which quoted-printable may have broken. */
export function linkIn(mail: string): URL {
  const plain = mail.replace(/=\r?\n/g, '').replaceAll('=3D', '=')
  return new URL(/https?:\/\/\S+/.exec(plain)?.[0] ?? '')
}
