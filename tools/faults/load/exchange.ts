import { type Agent, type IncomingHttpHeaders, request } from 'node:http'

/** Longer than all limits of the server. A server without a response after this time hangs. */
const ANSWER_LIMIT_MS = 20_000

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** The outcome of a request: a response, a cut connection, or no reaction. */
export type Outcome = Answer | 'cut' | 'silence'

export interface Sending {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object | undefined
}

/** @param agent false opens a connection only for this request. */
export function exchange(sending: Sending, agent: Agent | false): Promise<Outcome> {
  const { port, method, path, token, key, body } = sending
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    ...sending.headers,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(payload === undefined
      ? {}
      : {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(payload)),
        }),
  }
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => settle('cut'))
      response.on('close', () => settle('cut'))
      response.on('end', () =>
        settle({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      )
    })
    const limit = setTimeout(() => {
      settle('silence')
      sent.destroy()
    }, ANSWER_LIMIT_MS)
    const settle = (outcome: Outcome) => {
      clearTimeout(limit)
      resolve(outcome)
    }
    sent.on('error', () => settle('cut'))
    sent.end(payload)
  })
}
