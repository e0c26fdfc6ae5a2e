import { connect } from 'node:net'

/** Of work on an answer, in ms; generous: what is to be noticed is a pattern or a parser that takes seconds. */
export const WORK_LIMIT_MS = 1_000

/** What the server wrote to a socket until it closed it. */
export interface RawAnswer {
  /** Those of 1xx before it. */
  readonly interim: readonly number[]
  readonly status: number
  /** By names in lower case; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** The body. */
  readonly text: string
  /** All of it, byte for byte, as Latin-1. */
  readonly bytes: string
  /** CPU time of this process, test and server together, in ms; what else runs here does not add to it. */
  readonly workMs: number
  /** The body, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body by asserting it
  readonly json: any
}

export interface RawRequest {
  method?: string
  target: string
  /** Whole lines, in the order they go out; Host and Connection come by themselves. */
  headers?: readonly string[]
  /** With its length, unless a header says otherwise. */
  body?: string | Buffer
}

/** Sends a request as it is written, which an HTTP client would tidy up or refuse to send. */
export function sendRaw(port: number, request: RawRequest): Promise<RawAnswer> {
  return sendBytes(port, requestBytes(request))
}

export function requestBytes({ method = 'GET', target, headers = [], body }: RawRequest): Buffer {
  const framed =
    body === undefined || headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))
  const length = framed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers]
  const head = [...lines, ...length, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head), Buffer.from(body ?? '')])
}

/** Sends bytes, and reads the one answer until the server closes the connection. */
export async function sendBytes(port: number, bytes: Buffer): Promise<RawAnswer> {
  const start = process.cpuUsage()
  const answer = await new Promise<Buffer>((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk) => chunks.push(chunk))
    // A server that has answered need not read the rest, and may reset the connection.
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
  const { user, system } = process.cpuUsage(start)
  return readAnswer(answer, (user + system) / 1_000)
}

function readAnswer(bytes: Buffer, workMs: number): RawAnswer {
  const interim: number[] = []
  for (let rest = bytes; ; ) {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...lines] = rest
      .subarray(0, Math.max(end, 0))
      .toString('latin1')
      .split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
    if (end === -1 || !status) throw new Error(`no answer: ${rest.toString('latin1')}`)
    rest = rest.subarray(end + 4)
    if (status < 200) {
      interim.push(status)
      continue
    }
    const text = rest.toString()
    return {
      interim,
      status,
      headers: readHeaders(lines),
      text,
      bytes: bytes.toString('latin1'),
      workMs,
      get json() {
        return JSON.parse(text)
      },
    }
  }
}

function readHeaders(lines: string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}
